"""The stored functions as replaceable entities: head files, frozen copies, and their order.

Head files (`app/campaigndb/functions/<name>.sql`) are edited. Revisions read only frozen copies
(`alembic/functions/<name>.<revision>.sql`), so that an old revision always creates the same as when
it was released.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

from alembic import op
from alembic_utils.pg_function import PGFunction

from campaigndb.migrations.configuration import ALEMBIC_FOLDER

HEAD_FOLDER = Path(__file__).resolve().parents[1] / "functions"
FROZEN_FOLDER = ALEMBIC_FOLDER / "functions"

_CREATE = re.compile(
    r"create or replace function (?P<name>\w+)(?P<parameters>\(.*?\))\n(?P<definition>returns .*)",
    re.DOTALL,
)

_STANDARD_BODY = "\nbegin atomic\n"
_CALLED = re.compile(r"\b(\w+)\(")

# Name of the function -> (revision of its new frozen copy, revision of the one before or None).
Replacements = Mapping[str, tuple[str, str | None]]


def read_function(path: Path, schema: str) -> PGFunction:
    """The function that a file defines, to be created in `schema`."""
    match = _CREATE.fullmatch(path.read_text(encoding="utf-8").strip())
    if match is None or match["name"] != path.name.split(".")[0]:
        raise ValueError(
            f"{path}: must hold one 'create or replace function {path.name.split('.')[0]}(…)'"
            " with 'returns' on a line of its own, and nothing before it"
        )
    return PGFunction(schema, match["name"] + match["parameters"], match["definition"])


def head_paths() -> dict[str, Path]:
    """The file of each function, by name."""
    return {path.stem: path for path in sorted(HEAD_FOLDER.glob("*.sql"))}


def frozen_path(name: str, revision: str) -> Path:
    """The copy of a function that a revision reads."""
    return FROZEN_FOLDER / f"{name}.{revision}.sql"


def frozen_copies() -> dict[str, list[str]]:
    """The revisions that froze each function, oldest first."""
    copies: dict[str, list[str]] = {}
    for path in sorted(FROZEN_FOLDER.glob("*.*.sql"), key=lambda p: p.name.split(".")[1]):
        name, revision, _ = path.name.split(".")
        copies.setdefault(name, []).append(revision)
    return copies


def function_name(function: PGFunction) -> str:
    """The name in a function's signature."""
    return str(function.signature).split("(", 1)[0]


def in_creation_order(functions: Iterable[PGFunction]) -> list[PGFunction]:
    """Sorts each function after those that it calls, because PostgreSQL checks SQL bodies."""
    by_name = {function_name(function): function for function in functions}
    calls = {
        name: {*_CALLED.findall(function.definition)} & by_name.keys() - {name}
        for name, function in sorted(by_name.items())
    }
    return [by_name[name] for name in TopologicalSorter(calls).static_order()]


def _schema() -> str:
    """The schema of this migration, as set by `env.py`."""
    return str(op.get_context().opts["campaigndb_schema"])


def replace_functions(replacements: Replacements) -> None:
    """For `upgrade()`: creates or replaces each function from its new frozen copy."""
    schema = _schema()
    functions = [
        read_function(frozen_path(name, new), schema) for name, (new, _) in replacements.items()
    ]
    _create_or_replace(functions)


def _create_or_replace(functions: Iterable[PGFunction]) -> None:
    for function in in_creation_order(functions):
        if op.get_context().as_sql and _STANDARD_BODY in function.definition:
            # Programs that split scripts into statements would end the body at its first `end;`.
            (create,) = function.to_sql_statement_create_or_replace()  # type: ignore[no-untyped-call]
            op.execute(f"do $do$ begin execute $create$\n{create.text}\n$create$; end $do$")
        else:
            op.replace_entity(function)  # type: ignore[attr-defined]


def drop_functions(copies: Mapping[str, str]) -> None:
    """For `upgrade()` of a contract step: drops functions that are no longer called.

    `copies`: name -> the revision of its last frozen copy.
    """
    schema = _schema()
    functions = [read_function(frozen_path(name, last), schema) for name, last in copies.items()]
    for function in reversed(in_creation_order(functions)):
        op.drop_entity(function)  # type: ignore[attr-defined]


def recreate_functions(copies: Mapping[str, str]) -> None:
    """For `downgrade()`: creates what `drop_functions` dropped."""
    replace_functions({name: (last, None) for name, last in copies.items()})


def restore_functions(replacements: Replacements) -> None:
    """For `downgrade()`: restores the previous frozen copies, and drops new functions."""
    schema = _schema()
    _create_or_replace(
        read_function(frozen_path(name, previous), schema)
        for name, (_, previous) in replacements.items()
        if previous is not None
    )
    drop_functions({name: new for name, (new, old) in replacements.items() if old is None})
