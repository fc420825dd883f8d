"""Text for a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """Replaces control characters, because scraped text must not control a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
