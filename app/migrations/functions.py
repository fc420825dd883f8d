"""The stored functions as replaceable entities: head files, frozen copies, and their order.

Head files (`app/functions/<name>.sql`) are edited; revisions read frozen copies
(`alembic/functions/<name>.<revision>.sql`) only, so that an old revision always creates what it
created when it was released.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

from alembic import op
from alembic_utils.pg_function import PGFunction

from app.migrations.configuration import ALEMBIC_FOLDER

HEAD_FOLDER = Path(__file__).resolve().parents[1] / "functions"
FROZEN_FOLDER = ALEMBIC_FOLDER / "functions"

_CREATE = re.compile(
    r"create or replace function (?P<name>\w+)(?P<parameters>\(.*?\))\n(?P<definition>returns .*)",
    re.DOTALL,
)

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
    return {path.stem: path for path in sorted(HEAD_FOLDER.glob("*.sql"))}


def frozen_path(name: str, revision: str) -> Path:
    return FROZEN_FOLDER / f"{name}.{revision}.sql"


def frozen_copies() -> dict[str, list[str]]:
    """The revisions that froze each function, oldest first."""
    copies: dict[str, list[str]] = {}
    for path in sorted(FROZEN_FOLDER.glob("*.*.sql"), key=lambda p: p.name.split(".")[1]):
        name, revision, _ = path.name.split(".")
        copies.setdefault(name, []).append(revision)
    return copies


def function_name(function: PGFunction) -> str:
    return str(function.signature).split("(", 1)[0]


def in_creation_order(functions: Iterable[PGFunction]) -> list[PGFunction]:
    """Each function after those it calls: PostgreSQL checks the body of an SQL function."""
    by_name = {function_name(function): function for function in functions}
    calls = {
        name: {
            other
            for other in by_name
            if other != name and re.search(rf"\b{other}\(", function.definition)
        }
        for name, function in sorted(by_name.items())
    }
    return [by_name[name] for name in TopologicalSorter(calls).static_order()]


def _schema() -> str:
    """The schema that this migration runs in; `env.py` says which."""
    return str(op.get_context().opts["campaigndb_schema"])


def replace_functions(replacements: Replacements) -> None:
    """For `upgrade()`: creates or replaces each function by its new frozen copy."""
    schema = _schema()
    functions = [
        read_function(frozen_path(name, new), schema) for name, (new, _) in replacements.items()
    ]
    for function in in_creation_order(functions):
        op.replace_entity(function)  # type: ignore[attr-defined]


def restore_functions(replacements: Replacements) -> None:
    """For `downgrade()`: restores each function's frozen copy before, or drops a new function."""
    schema = _schema()
    before = [
        read_function(frozen_path(name, previous), schema)
        for name, (_, previous) in replacements.items()
        if previous is not None
    ]
    for function in in_creation_order(before):
        op.replace_entity(function)  # type: ignore[attr-defined]
    added = [
        read_function(frozen_path(name, new), schema)
        for name, (new, previous) in replacements.items()
        if previous is None
    ]
    for function in reversed(in_creation_order(added)):
        op.drop_entity(function)  # type: ignore[attr-defined]
