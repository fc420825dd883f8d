"""`make revision`: freezes changed functions and writes a revision for them."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import renderers
from alembic.operations.ops import DropColumnOp, DropTableOp, MigrateOperation, ModifyTableOps
from alembic.script import Script, ScriptDirectory
from alembic_utils.pg_function import PGFunction
from sqlalchemy import text
from sqlalchemy.engine import URL

from campaigndb.database import single_use_engine
from campaigndb.migrations import checksums
from campaigndb.migrations.configuration import ALEMBIC_FOLDER, alembic_config
from campaigndb.migrations.functions import (
    frozen_copies,
    frozen_path,
    head_paths,
    read_function,
)
from campaigndb.settings import Settings, get_settings

# Keywords that may follow a function's return type.
_ATTRIBUTE = re.compile(
    r"\b(?:language|transform|window|immutable|stable|volatile|(?:not )?leakproof|called on|strict"
    r"|returns null on|(?:external )?security|parallel|cost|rows|support|set|as)\b",
    re.IGNORECASE,
)


class RevisionError(Exception):
    """The revision must not be written; the message says what to do instead."""


@dataclass(frozen=True)
class Change:
    """A function whose head file differs from its latest frozen copy."""

    name: str
    previous: str | None  # the revision of the latest frozen copy; None for a new function


def changed_functions() -> list[Change]:
    """Functions whose head differs from the latest frozen copy, by name."""
    latest = frozen_copies()
    changes = []
    for name, head in head_paths().items():
        previous = latest.get(name, [None])[-1]
        if previous is None:
            changes.append(Change(name, None))
        elif head.read_bytes() != frozen_path(name, previous).read_bytes():
            _refuse_other_signature(head, frozen_path(name, previous))
            changes.append(Change(name, previous))
    return changes


def write_revision(message: str, url: URL) -> list[Path]:
    """Writes the next revision and frozen copies; returns their paths.

    `url` is a disposable database. It is migrated to head and compared with
    `campaigndb.tables`.
    """
    changes = changed_functions()
    settings = disposable_settings(get_settings())
    config = alembic_config(url, settings=settings)
    command.upgrade(config, "head")
    number = _next_number(ScriptDirectory.from_config(config))
    functions = {change.name: (number, change.previous) for change in changes}
    dropped = _dropped_functions(url)
    excuses: dict[str, str] = {}
    written: list[Path] = []

    def describe(context: Any, revision: Any, directives: list[Any]) -> None:
        script = directives[0]
        if script.upgrade_ops.is_empty() and not changes and not dropped:
            raise RevisionError("Nothing changed: neither tables/ nor functions/ differ")
        excuses.update(_put_in_order(script, dropped))

    try:
        for change in changes:
            target = frozen_path(change.name, number)
            target.write_bytes(head_paths()[change.name].read_bytes())
            written.append(target)
        revising = alembic_config(
            url, settings=settings, functions=functions, dropped=dropped, excuses=excuses
        )
        revising.cmd_opts = Namespace(quiet=True)  # the caller reports what was written
        script = command.revision(
            revising,
            message,
            autogenerate=True,
            rev_id=number,
            process_revision_directives=describe,
        )
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    if not isinstance(script, Script):
        raise RevisionError("Alembic wrote no revision, or more than one")
    return [Path(script.path), *written]


def installed_functions(url: URL) -> set[str]:
    """The names of the functions that a disposable database has."""
    with single_use_engine(url).connect() as connection:
        query = "select proname from pg_proc where pronamespace = 'public'::regnamespace"
        return set(connection.scalars(text(query)))


def _dropped_functions(url: URL) -> dict[str, str]:
    """Functions in the migrated database whose files were deleted: name -> last copy."""
    installed = installed_functions(url)
    heads = head_paths()
    return {
        name: copies[-1]
        for name, copies in frozen_copies().items()
        if name in installed and name not in heads
    }


class _Line(MigrateOperation):
    """A line of a revision that is written unchanged."""

    def __init__(self, line: str, back: str) -> None:
        self.line = line
        self.back = back

    def reverse(self) -> MigrateOperation:
        return _Line(self.back, self.line)


@renderers.dispatch_for(_Line)
def _render_line(_context: Any, operation: _Line) -> str:
    return operation.line


# Rules of squawk that a contract step breaks.
_EXCUSED = {DropColumnOp: "ban-drop-column", DropTableOp: "ban-drop-table"}


def _put_in_order(script: Any, dropped: Mapping[str, str]) -> dict[str, str]:
    """Orders the operations: additions, functions, then drops of what functions may have used.

    Returns the excuses for squawk: rule -> reason.
    """
    added: list[MigrateOperation] = []
    removed: list[MigrateOperation] = []
    names = {"ban-drop-function": list(dropped)} if dropped else {}
    for operation in script.upgrade_ops.ops:
        parts: list[Any] = [operation]
        if isinstance(operation, ModifyTableOps):
            parts = list(operation.ops)
        for part in parts:
            rule = _EXCUSED.get(type(part))
            (removed if rule else added).append(part)
            if rule:
                name = ".".join(filter(None, [part.table_name, getattr(part, "column_name", "")]))
                names.setdefault(rule, []).append(name)
    functions = [_Line("replace_functions(FUNCTIONS)", "restore_functions(FUNCTIONS)")]
    if dropped:
        functions.append(_Line("drop_functions(DROPPED)", "recreate_functions(DROPPED)"))
    script.upgrade_ops.ops = [*added, *functions, *removed]
    script.downgrade_ops.ops = [part.reverse() for part in reversed(script.upgrade_ops.ops)]
    return {
        rule: f"contract: no supported release's callers use {', '.join(found)} any more"
        for rule, found in names.items()
    }


def renumber(old: str, new: str, released: checksums.Released) -> list[Path]:
    """Moves an unreleased revision after those of another branch; returns the files written.

    Its frozen copies are taken from the head files, which contain the changes of both branches.

    Raises:
        RevisionError: `old` is not one unreleased revision, or `new` is taken.
        ChecksumError: a released file changed.
    """
    versions = ALEMBIC_FOLDER / "versions"
    found = [
        path
        for path in versions.glob(f"{old}_*.py")
        if f"versions/{path.name}" not in released.sums
    ]
    if len(found) != 1:
        raise RevisionError(f"{len(found)} unreleased revisions have the number {old}, not one")
    if old == new or list(versions.glob(f"{new}_*.py")):
        raise RevisionError(f"the number {new} is taken")
    (path,) = found
    others = {other.name.partition("_")[0] for other in versions.glob("[0-9]*.py")} - {old}
    if f"versions/{old}_" in " ".join(released.sums):
        others.add(old)
    down = max((number for number in others if number < new), default=None)
    source = path.read_text(encoding="utf-8")
    written = [path.with_name(new + path.name.removeprefix(old))]
    entry = rf"""^    ["']{{}}["']: \(["']{old}["'], [^)]*\)"""
    for name in re.findall(entry.format(r"(\w+)"), source, re.MULTILINE):
        copy = frozen_path(name, old)
        if f"functions/{copy.name}" not in released.sums:
            copy.unlink(missing_ok=True)
        before = [number for number in frozen_copies().get(name, []) if number < new]
        previous = f'"{before[-1]}"' if before else "None"
        source = re.sub(
            entry.format(name),
            f'    "{name}": ("{new}", {previous})',
            source,
            flags=re.MULTILINE,
        )
        frozen_path(name, new).write_bytes(head_paths()[name].read_bytes())
        written.append(frozen_path(name, new))
    for pattern, line in (
        (r"^revision = .*$", f'revision = "{new}"'),
        (r"^down_revision = .*$", f"down_revision = {down and chr(34) + down + chr(34)}"),
        (r"^Revises: .*$", f"Revises: {down or ''}"),
    ):
        source = re.sub(pattern, line, source, count=1, flags=re.MULTILINE)
    written[0].write_text(source, encoding="utf-8", newline="\n")
    path.unlink()
    checksums.seal(released)
    return written


def disposable_settings(settings: Settings) -> Settings:
    """Settings without the roles and the schema, which the disposable database does not have."""
    return replace(settings, owner_role=None, app_role=None, schema_name="public")


def _next_number(scripts: ScriptDirectory) -> str:
    numbers = [int(s.revision) for s in scripts.walk_revisions() if s.revision.isdigit()]
    return f"{max(numbers, default=0) + 1:04}"


def _refuse_other_signature(head: Path, frozen: Path) -> None:
    """Raises RevisionError for a changed signature, which CREATE OR REPLACE cannot change."""
    before, after = (read_function(path, "public") for path in (frozen, head))
    for what, read in (("parameters", _parameters), ("return type", _return_type)):
        if read(before) != read(after):
            raise RevisionError(
                f"{head.name}: the {what} changed from '{read(before)}' to '{read(after)}'. A "
                "function in use keeps its signature: put the new one in a file of its own "
                f"({_next_version(head.stem)}.sql) and restore this one (expand), move the callers,"
                " and drop the old one in a later release (contract)."
            )


def _next_version(name: str) -> str:
    versioned = re.fullmatch(r"(.+)_v(\d+)", name)
    return f"{versioned[1]}_v{int(versioned[2]) + 1}" if versioned else f"{name}_v2"


def _parameters(function: PGFunction) -> str:
    return " ".join(str(function.signature).split("(", 1)[1].rstrip(") ").split())


def _return_type(function: PGFunction) -> str:
    returned = re.sub(r"^returns\s+", "", " ".join(function.definition.split()), flags=re.I)
    # Columns may be called like keywords, so a table type ends at its parenthesis.
    table = re.match(r"table ?\((?:[^()]|\([^()]*\))*\)", returned, re.IGNORECASE)
    return table[0] if table else _ATTRIBUTE.split(returned, maxsplit=1)[0].strip()
