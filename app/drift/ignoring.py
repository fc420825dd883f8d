"""Differences that are known and meant: patterns of objects, each with its reason in a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from app.drift.comparison import Difference


class IgnoreFileError(Exception):
    """A file of patterns that cannot be used; one line with the file and the line's number."""


@dataclass(frozen=True)
class Pattern:
    """`kind name`, with `*` and `?`: `table audit_*`, `setting statement_timeout of *`.

    With `: attribute` at its end it leaves out that attribute only: `index idx_x: tablespace`.
    """

    text: str
    reason: str | None = None

    def matches(self, difference: Difference) -> bool:
        # A bracket is a part of many names, and no set of characters.
        pattern = self.text.replace("[", "[[]")
        where = difference.where
        return fnmatchcase(where, pattern) or (
            difference.attribute is not None
            and fnmatchcase(f"{where}: {difference.attribute}", pattern)
        )


def read_ignore_file(path: Path) -> list[Pattern]:
    """One pattern a line, its reason after ` # `; empty lines and lines of comment are allowed.

    Raises:
        IgnoreFileError: a pattern has no reason.
        OSError: the file cannot be read.
    """
    patterns = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise IgnoreFileError(f"{path}: not a text file in UTF-8") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        pattern, _, reason = line.partition(" # ")
        if not reason.strip():
            raise IgnoreFileError(
                f"{path}, line {number}: no reason after the pattern "
                "(as in: table audit_* # of the auditors)"
            )
        patterns.append(Pattern(pattern.strip(), reason.strip()))
    return patterns


def without_ignored(
    differences: Iterable[Difference], patterns: Sequence[Pattern]
) -> tuple[list[Difference], list[Difference]]:
    """What is left, and what the patterns leave out."""
    left: list[Difference] = []
    ignored: list[Difference] = []
    for difference in differences:
        is_ignored = any(pattern.matches(difference) for pattern in patterns)
        (ignored if is_ignored else left).append(difference)
    return left, ignored
