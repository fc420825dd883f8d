"""`python -m app.cli`: the command line where no script is installed."""

from app.cli.main import run

if __name__ == "__main__":
    run()
