"""The limits that the project keeps, as they are now: `python -m scripts.limits`."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
RUNS = 7
# The most times the CPU time of `python -c pass` that a command may take.
COMMANDS = {"--version": 5, "db status": 15}
MOST_PYTHON_LINES = 14_500


def cpu_seconds(*arguments: str) -> float:
    """The least CPU time of several runs: the rest is the machine's noise."""
    return min(_once(arguments) for _ in range(RUNS))


def _once(arguments: tuple[str, ...]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], capture_output=True, check=False, cwd=ROOT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def python_lines() -> int:
    """The lines of Python in the package."""
    files = (ROOT / "app").rglob("*.py")
    return sum(file.read_text(encoding="utf-8").count("\n") for file in files)


def main() -> None:
    """Prints each limit and what it holds."""
    lines = python_lines()
    print(f"Python lines of app/: {lines:,} (at most {MOST_PYTHON_LINES:,})")
    base = cpu_seconds("-c", "pass")
    for command, most in COMMANDS.items():
        ratio = cpu_seconds("-m", "campaigndb.cli", *command.split()) / base
        print(f"campaigndb {command}: {ratio:.1f} times python -c pass (at most {most})")


if __name__ == "__main__":
    main()
