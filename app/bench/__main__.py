"""`python -m app.bench`: the benchmarks without the rest of the command line."""

import typer

from app.cli.bench import bench

if __name__ == "__main__":
    typer.run(bench)
