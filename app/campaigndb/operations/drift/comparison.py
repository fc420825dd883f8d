"""Compares two snapshots: missing, unexpected and changed objects."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from campaigndb.migrations.version_table import VERSION_TABLE
from campaigndb.operations.counted import counted
from campaigndb.operations.drift.repair_statements import change_back, restore, take_back
from campaigndb.operations.drift.snapshot import PUBLIC, CatalogObject

Objects = Mapping[str, CatalogObject]
HEAD_FILES = Path(__file__).parents[2] / "functions"

# The order of kinds in a report. It lets the statements run from top to bottom: owners before
# grants, columns before objects that use them, indexes before foreign keys. Kinds that are not
# listed come before the last ones.
_KINDS = (
    "schema",
    "database",
    "language",
    "role",
    "setting",
    "table",
    "column",
    "function",
    "procedure",
    "index",
    "constraint",
    "trigger",
    "internal trigger",
    "policy",
)
_LAST_KINDS = ("default privileges", "grant", "revision")


@dataclass(frozen=True)
class Difference:
    """One difference between a database and the code.

    Attributes:
        kind: the object's kind: `table`, `index`, `grant`, …
        name: the object's name, unique within its kind.
        problem: `missing`, `unexpected`, or `changed`.
        attribute: the attribute that differs; None if the object is missing or unexpected.
        expected: the attribute's value in the code, or None.
        found: the attribute's value in the database, or None.
        statements: statements that repair the difference, in order; empty if none are safe.
    """

    kind: str
    name: str
    problem: Literal["missing", "unexpected", "changed"]
    attribute: str | None = None
    expected: Any = None
    found: Any = None
    statements: Sequence[str] = ()

    @property
    def where(self) -> str:
        """The object's kind and name."""
        return f"{self.kind} {self.name}"

    @property
    def mend(self) -> str | None:
        """The statements as one text."""
        return "; ".join(self.statements) or None

    @property
    def line(self) -> str:
        """What, where, expected and found, in one line."""
        if self.problem == "missing":
            return f"{self.where}: expected, but missing"
        if self.problem == "unexpected":
            value = f" (found {shown(self.found)})" if self.found is not None else ""
            return f"{self.where}: not expected, but there{value}"
        if (diff := self.diff) is not None:
            changes = [line[:1] for line in diff.split("\n")[2:]]
            expected = counted(changes.count("-"), "line")
            return (
                f"{self.where}: {self.attribute}: {expected} expected, "
                f"{changes.count('+'):,} found instead"
            )
        return (
            f"{self.where}: {self.attribute}: expected {shown(self.expected)}, "
            f"found {shown(self.found)}"
        )

    @property
    def diff(self) -> str | None:
        """For a function's body: a patch from its head file to the body that was found."""
        body, found = self.expected, self.found
        if self.attribute != "body" or not (isinstance(body, str) and isinstance(found, str)):
            return None
        file = HEAD_FILES / f"{self.name.partition('(')[0]}.sql"
        path = f"app/campaigndb/{HEAD_FILES.name}/{file.name}"
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        if text.count(body) != 1:  # a body of another revision, or parsed: `begin atomic`
            text, path = body, "body"
        lines = difflib.unified_diff(
            text.removesuffix("\n").split("\n"),
            text.replace(body, found).removesuffix("\n").split("\n"),
            f"a/{path}",
            f"b/{path}",
            lineterm="",
        )
        return "".join(f"{line}\n" for line in lines)


def shown(value: Any) -> str:
    """Formats a property's value in one line."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(shown, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(item)}" for name, item in value.items())
    return " ".join(str(value).split())


def compare(
    expected: Objects,
    found: Objects,
    *,
    owner: str | None,
    grantees: Collection[str] = (),
    column_order: bool = False,
) -> list[Difference]:
    """The differences, in an order in which their statements work.

    Parts of an object that is missing or unexpected itself are not reported.

    Args:
        owner: the role that should own the objects.
        grantees: roles whose unexpected grants may be revoked.
        column_order: whether columns in another order are differences.
    """
    expected, found = _ordered(expected, found, column_order)
    unexpected = [item for key, item in found.items() if key not in expected]
    differences = []
    for key in expected.keys() | found.keys():
        if key not in found:
            item = expected[key]
            if not _is_reported_already(item, expected, found):
                statements = restore(item, expected, unexpected, owner)
                differences.append(
                    Difference(item.kind, item.name, "missing", statements=statements)
                )
        elif key not in expected:
            item = found[key]
            if not _is_reported_already(item, found, expected) and not _is_a_readers(item):
                value = item.properties["value"] if item.kind == "setting" else None
                differences.append(
                    Difference(
                        item.kind,
                        item.name,
                        "unexpected",
                        found=value,
                        statements=take_back(item, grantees),
                    )
                )
        else:
            differences += _changes(expected[key], found[key], owner)
    return in_working_order(differences)


def in_working_order(differences: Collection[Difference]) -> list[Difference]:
    """Sorts by kind and name, with functions before the statements that call them."""

    def rank(item: Difference) -> tuple[Any, ...]:
        middle = len(_KINDS)
        if item.kind in _LAST_KINDS:
            position = middle + 1 + _LAST_KINDS.index(item.kind)
        else:
            position = _KINDS.index(item.kind) if item.kind in _KINDS else middle
        is_foreign_key = any("FOREIGN KEY" in statement for statement in item.statements)
        return position, is_foreign_key, item.name, item.attribute or ""

    functions = {
        item.name.partition("(")[0]: item
        for item in differences
        if item.kind == "function" and item.problem == "missing" and item.statements
    }
    ordered: dict[int, Difference] = {}
    begun: set[int] = set()

    def add(item: Difference) -> None:
        if id(item) in begun:
            return
        begun.add(id(item))
        text = "; ".join(item.statements)
        for name, function in functions.items():
            if f"{name}(" in text:
                add(function)
        ordered[id(item)] = item

    for item in sorted(differences, key=rank):
        add(item)
    return list(ordered.values())


def _is_reported_already(item: CatalogObject, its_side: Objects, other_side: Objects) -> bool:
    """Whether the object's parent is missing or unexpected itself."""
    return item.parent in its_side and item.parent not in other_side


def _is_a_readers(item: CatalogObject) -> bool:
    """Whether it is a grant that a role needs only for comparing."""
    if item.kind != "grant" or item.properties["with grant option"]:
        return False
    return any(
        fnmatchcase(item.name, pattern) and not item.name.endswith(f" {PUBLIC}")
        for pattern in (f"SELECT on table {VERSION_TABLE} to *", "USAGE on schema * to *")
    )


def _changes(
    expected: CatalogObject, found: CatalogObject, owner: str | None
) -> Iterator[Difference]:
    for name in sorted(expected.properties.keys() | found.properties.keys()):
        wanted, there = expected.properties.get(name), found.properties.get(name)
        if wanted != there:
            statements = change_back(expected, found, name, owner)
            yield Difference(
                expected.kind, expected.name, "changed", name, wanted, there, statements
            )


def _ordered(expected: Objects, found: Objects, column_order: bool) -> tuple[Objects, Objects]:
    """Keeps the positions only of moved columns, if asked for. A missing column moves none."""
    sides = (dict(expected), dict(found))
    tables = {
        item.parent for key, item in expected.items() if item.kind == "column" and key in found
    }
    for table in tables:
        keys = [_columns(side, other, table) for side, other in (sides, sides[::-1])]
        matcher = difflib.SequenceMatcher(None, keys[0], keys[1], autojunk=False)
        unmoved = {
            key
            for block in matcher.get_matching_blocks()
            for key in keys[0][block.a : block.a + block.size]
        }
        for side, ordered in zip(sides, keys, strict=True):
            for position, key in enumerate(ordered, start=1):
                is_told = column_order and key not in unmoved
                values = {**side[key].properties, "position": position if is_told else None}
                side[key] = replace(side[key], properties=values)
    return sides


def _columns(side: Objects, other: Objects, table: str | None) -> list[str]:
    """The keys of the table's columns that both sides have, in their order."""
    shared = [
        item
        for key, item in side.items()
        if item.kind == "column" and item.parent == table and key in other
    ]
    return [item.key for item in sorted(shared, key=lambda item: item.properties["position"])]
