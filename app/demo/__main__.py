"""`python -m app.demo`: the demo without the rest of the command line."""

import typer

from app.cli.demo import demo

if __name__ == "__main__":
    typer.run(demo)
