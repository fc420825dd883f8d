"""`make revision`: freezes the functions that changed and writes a revision for them."""

from __future__ import annotations

import re
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from alembic.script import Script, ScriptDirectory
from alembic_utils.pg_function import PGFunction
from sqlalchemy.engine import URL

from app.migrations.configuration import alembic_config
from app.migrations.functions import (
    frozen_copies,
    frozen_path,
    head_paths,
    read_function,
)
from app.settings import Settings, get_settings

# What may follow a function's return type.
_ATTRIBUTE = re.compile(
    r"\b(?:language|transform|window|immutable|stable|volatile|(?:not )?leakproof|called on|strict"
    r"|returns null on|(?:external )?security|parallel|cost|rows|support|set|as)\b",
    re.IGNORECASE,
)


class RevisionError(Exception):
    """A revision that must not be written; the message says what to do instead."""


@dataclass(frozen=True)
class Change:
    """One function whose head file is not (yet) what its latest frozen copy says."""

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

    `url` is a disposable database: it is migrated to head, and the tables of `app.tables` are
    compared with it.
    """
    changes = changed_functions()
    settings = disposable_settings(get_settings())
    config = alembic_config(url, settings=settings)
    command.upgrade(config, "head")
    number = _next_number(ScriptDirectory.from_config(config))
    functions = {change.name: (number, change.previous) for change in changes}
    written: list[Path] = []

    def describe(context: Any, revision: Any, directives: list[Any]) -> None:
        script = directives[0]
        if script.upgrade_ops.is_empty() and not changes:
            raise RevisionError("Nothing changed: neither app/tables nor app/functions differ")

    try:
        for change in changes:
            target = frozen_path(change.name, number)
            target.write_bytes(head_paths()[change.name].read_bytes())
            written.append(target)
        revising = alembic_config(url, settings=settings, functions=functions)
        revising.cmd_opts = Namespace(quiet=True)  # the caller says what was written
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


def disposable_settings(settings: Settings) -> Settings:
    """The roles and the schema of the real database are not in the disposable one."""
    return settings.model_copy(
        update={"owner_role": None, "app_role": None, "schema_name": "public"}
    )


def _next_number(scripts: ScriptDirectory) -> str:
    numbers = [int(s.revision) for s in scripts.walk_revisions() if s.revision.isdigit()]
    return f"{max(numbers, default=0) + 1:04}"


def _refuse_other_signature(head: Path, frozen: Path) -> None:
    """CREATE OR REPLACE cannot change a signature; DROP would break callers and lose grants."""
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
    # Columns may have the names of attributes, so a table's end is its parenthesis.
    table = re.match(r"table ?\((?:[^()]|\([^()]*\))*\)", returned, re.IGNORECASE)
    return table[0] if table else _ATTRIBUTE.split(returned, maxsplit=1)[0].strip()
