"""Ignored differences: patterns of objects, in a file each with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from campaigndb.operations.drift.comparison import Difference


class IgnoreFileError(Exception):
    """The file of patterns is invalid; one line with the file and the line's number."""


@dataclass(frozen=True)
class Pattern:
    """`kind name`, with `*` and `?`: `table audit_*`, `setting statement_timeout of *`.

    With `: attribute` at its end it ignores only that attribute: `index idx_x: tablespace`.
    """

    text: str
    reason: str | None = None

    def matches(self, difference: Difference) -> bool:
        """Whether the pattern matches this difference."""
        # Brackets are part of many names, not sets of characters.
        pattern = self.text.replace("[", "[[]")
        where = difference.where
        return fnmatchcase(where, pattern) or (
            difference.attribute is not None
            and fnmatchcase(f"{where}: {difference.attribute}", pattern)
        )


def read_ignore_file(path: Path) -> list[Pattern]:
    """Reads one pattern a line, with its reason after ` # `. Empty lines and comments are allowed.

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
    """The remaining and the ignored differences."""
    left: list[Difference] = []
    ignored: list[Difference] = []
    for difference in differences:
        is_ignored = any(pattern.matches(difference) for pattern in patterns)
        (ignored if is_ignored else left).append(difference)
    return left, ignored
