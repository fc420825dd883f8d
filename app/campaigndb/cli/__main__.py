"""`python -m campaigndb.cli`: the command line where no script is installed."""

from campaigndb.cli.entry import run

if __name__ == "__main__":
    run()
