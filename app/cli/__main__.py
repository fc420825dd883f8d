"""`python -m app.cli`: the command line where no script is installed."""

from app.cli.entry import run

if __name__ == "__main__":
    run()
