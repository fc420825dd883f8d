"""Two snapshots side by side: what is missing, what is too much, what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from fnmatch import fnmatchcase
from typing import Any, Literal

from app.drift.mending import mend_change, mend_missing, mend_unexpected
from app.drift.snapshot import PUBLIC, CatalogObject

Objects = Mapping[str, CatalogObject]


@dataclass(frozen=True)
class Difference:
    """One thing in which a database is not what the code says.

    Attributes:
        kind: of the object: `table`, `index`, `grant`, …
        name: of the object, unique within its kind.
        problem: `missing`, `unexpected`, or `changed`.
        attribute: what of the object differs; None where it is missing or unexpected.
        expected: the attribute's value in the code; None where there is none.
        found: the attribute's value in the database; None where there is none.
        mend: the statement that would bring the database back, where there is one.
    """

    kind: str
    name: str
    problem: Literal["missing", "unexpected", "changed"]
    attribute: str | None = None
    expected: Any = None
    found: Any = None
    mend: str | None = None

    @property
    def where(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def line(self) -> str:
        """What, where, expected and found, in one line."""
        if self.problem == "missing":
            return f"{self.where}: expected, but missing"
        if self.problem == "unexpected":
            value = f" (found {shown(self.found)})" if self.found is not None else ""
            return f"{self.where}: not expected, but there{value}"
        return (
            f"{self.where}: {self.attribute}: expected {shown(self.expected)}, "
            f"found {shown(self.found)}"
        )


def shown(value: Any) -> str:
    """A property's value for a reader, in one line."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(shown, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(item)}" for name, item in value.items())
    return " ".join(str(value).split())


def compare(expected: Objects, found: Objects, owner: str | None) -> Iterator[Difference]:
    """The differences, in the order of their kinds and names.

    What belongs to an object that is missing or unexpected itself is not told again. `owner` is
    the role that should own what is found.
    """
    expected, found = _in_order(expected, found)
    for key in sorted(expected.keys() | found.keys(), key=lambda key: _order(key, expected, found)):
        if key not in found:
            item = expected[key]
            if not _is_told_already(item, expected, found):
                yield Difference(item.kind, item.name, "missing", mend=mend_missing(item))
        elif key not in expected:
            item = found[key]
            if not _is_told_already(item, found, expected) and not _is_a_readers(item):
                value = item.properties["value"] if item.kind == "setting" else None
                yield Difference(
                    item.kind, item.name, "unexpected", found=value, mend=mend_unexpected(item)
                )
        else:
            yield from _changes(expected[key], found[key], owner)


def _order(key: str, *sides: Objects) -> tuple[str, str]:
    item = next(side[key] for side in sides if key in side)
    return item.kind, item.name


def _is_told_already(item: CatalogObject, its_side: Objects, other_side: Objects) -> bool:
    """Whether what it belongs to is missing or unexpected itself."""
    return item.parent in its_side and item.parent not in other_side


def _is_a_readers(item: CatalogObject) -> bool:
    """What a role needs that compares, and what gives it nothing else."""
    if item.kind != "grant" or item.properties["with grant option"]:
        return False
    return any(
        fnmatchcase(item.name, pattern) and not item.name.endswith(f" {PUBLIC}")
        for pattern in ("SELECT on table alembic_version to *", "USAGE on schema * to *")
    )


def _changes(
    expected: CatalogObject, found: CatalogObject, owner: str | None
) -> Iterator[Difference]:
    names = sorted(expected.properties.keys() | found.properties.keys())
    for name in names:
        wanted, there = expected.properties.get(name), found.properties.get(name)
        if wanted != there:
            yield Difference(
                expected.kind,
                expected.name,
                "changed",
                name,
                wanted,
                there,
                mend_change(expected, found, name, owner),
            )


def _in_order(expected: Objects, found: Objects) -> tuple[Objects, Objects]:
    """Positions only of columns that were moved: one that is missing moves nothing."""
    sides = (dict(expected), dict(found))
    tables = {
        item.parent for key, item in expected.items() if item.kind == "column" and key in found
    }
    for table in tables:
        keys = [_columns(side, other, table) for side, other in (sides, sides[::-1])]
        matcher = SequenceMatcher(None, keys[0], keys[1], autojunk=False)
        unmoved = {
            key
            for block in matcher.get_matching_blocks()
            for key in keys[0][block.a : block.a + block.size]
        }
        for side, ordered in zip(sides, keys, strict=True):
            for position, key in enumerate(ordered, start=1):
                values = {**side[key].properties, "position": None if key in unmoved else position}
                side[key] = replace(side[key], properties=values)
    return sides


def _columns(side: Objects, other: Objects, table: str | None) -> list[str]:
    """The keys of a table's columns that both sides have, in order."""
    shared = [
        item
        for key, item in side.items()
        if item.kind == "column" and item.parent == table and key in other
    ]
    return [item.key for item in sorted(shared, key=lambda item: item.properties["position"])]
