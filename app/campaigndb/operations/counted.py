"""Words that depend on a number."""

from __future__ import annotations


def counted(number: int, one: str, several: str | None = None) -> str:
    """The number and what it counts: `1 campaign`, `2,000 campaigns`."""
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"
