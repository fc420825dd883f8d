"""The statement that would bring an object back to what the code says, where there is one.

They are proposals for a person to read: nothing here executes one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psycopg.sql import Literal

from app.drift.roles import POWERS
from app.drift.snapshot import OWNER, CatalogObject, quoted


def mend_missing(item: CatalogObject) -> str | None:
    if item.kind == "function" and item.creation is not None:
        # A new function is open to everybody; `alembic upgrade head` grants it again.
        return f"{item.creation.strip()}; revoke all on {item.reference} from public"
    return item.creation


def mend_unexpected(item: CatalogObject) -> str | None:
    if item.kind == "grant":
        return None if item.name.endswith(f" to {OWNER}") else f"revoke {item.reference}"
    if item.kind == "setting":
        return item.reference
    if item.kind == "column":
        table, column = _table_and_name(item)
        return f"alter table {table} drop column {column}"
    if item.kind == "constraint":
        return f"{_alter_table_of(item)} drop constraint {_constraint_name(item)}"
    if item.kind == "index":
        return f"drop index concurrently {item.reference.removeprefix('index ')}"
    if item.kind in ("default privileges", "internal trigger"):
        return None
    return f"drop {item.reference}"


def mend_change(
    expected: CatalogObject, found: CatalogObject, name: str, owner: str | None
) -> str | None:
    """The statement for one property that differs."""
    wanted, there = expected.properties.get(name), found.properties.get(name)
    if name == "comment":
        return f"comment on {found.reference} is {_literal(wanted)}"
    if name == "owner":
        role = owner if wanted == OWNER else wanted
        return f"alter {found.reference} owner to {quoted(role)}" if role else None
    mend = _MENDS.get((expected.kind, name)) or _MENDS.get((expected.kind, "*"))
    return mend(expected, found, wanted, there) if mend else None


Mend = Callable[[CatalogObject, CatalogObject, Any, Any], str | None]


def _literal(value: str | None) -> str:
    return "null" if value is None else Literal(value).as_string()


def _table_and_name(column: CatalogObject) -> tuple[str, str]:
    table, _, name = column.reference.removeprefix("column ").rpartition(".")
    return table, name


def _constraint_name(constraint: CatalogObject) -> str:
    return constraint.name.partition(" on ")[0]


def _alter_table_of(item: CatalogObject) -> str:
    target = item.reference.partition(" on ")[2]
    return f"alter {target}" if target.startswith("domain ") else f"alter table {target}"


def _column(action: Callable[[Any], str]) -> Mend:
    def mend(expected: CatalogObject, _found: CatalogObject, wanted: Any, _there: Any) -> str:
        table, name = _table_and_name(expected)
        return f"alter table {table} alter column {name} {action(wanted)}"

    return mend


def _options(expected: CatalogObject, _found: CatalogObject, wanted: Any, there: Any) -> str:
    """The lost ones set, the added ones reset."""
    lost = [option for option in wanted or [] if option not in (there or [])]
    if lost:
        return f"alter {expected.reference} set ({', '.join(lost)})"
    names = sorted({option.partition("=")[0] for option in there or []})
    return f"alter {expected.reference} reset ({', '.join(names)})"


def _row_security(expected: CatalogObject, _found: CatalogObject, wanted: Any, _there: Any) -> str:
    return f"alter {expected.reference} {'enable' if wanted else 'disable'} row level security"


def _forced(expected: CatalogObject, _found: CatalogObject, wanted: Any, _there: Any) -> str:
    return f"alter {expected.reference} {'' if wanted else 'no '}force row level security"


def _constraint(
    expected: CatalogObject, _found: CatalogObject, wanted: Any, there: Any
) -> str | None:
    name = _constraint_name(expected)
    if there == f"{wanted} NOT VALID":
        return f"{_alter_table_of(expected)} validate constraint {name}"
    return f"{_alter_table_of(expected)} drop constraint {name}, add constraint {name} {wanted}"


def _index_state(
    expected: CatalogObject, _found: CatalogObject, _wanted: Any, _there: Any
) -> str | None:
    return f"reindex {expected.reference.replace('index ', 'index concurrently ', 1)}"


def _recreated(
    expected: CatalogObject, found: CatalogObject, _wanted: Any, _there: Any
) -> str | None:
    # The index of a constraint goes with it.
    belongs_to_constraint = (expected.parent or "").startswith("constraint ")
    if expected.creation is None or (expected.kind == "index" and belongs_to_constraint):
        return None
    return f"drop {found.reference}; {expected.creation}"


def _replaced(
    expected: CatalogObject, found: CatalogObject, _wanted: Any, _there: Any
) -> str | None:
    """None for other parameters or another result, which a function in place may not get."""
    fixed = ("arguments", "result")
    is_possible = all(expected.properties[name] == found.properties[name] for name in fixed)
    return expected.creation if is_possible else None


def _trigger_state(
    expected: CatalogObject, found: CatalogObject, wanted: Any, _there: Any
) -> str | None:
    action = {
        "yes": "enable",
        "no": "disable",
        "on replicas": "enable replica",
        "always": "enable always",
    }[wanted]
    if expected.kind == "event trigger":
        return f"alter {expected.reference} {action.replace(' trigger', '')}"
    # An internal trigger's name is another one in each database.
    what, _, table = found.reference.partition(" on ")
    return f"alter table {table} {action} {what}"


def _powerless(power: str) -> Mend:
    return lambda expected, _found, _wanted, _there: f"alter {expected.reference} no{power}"


def _memberships(expected: CatalogObject, _found: CatalogObject, _wanted: Any, there: Any) -> str:
    return f"revoke {', '.join(map(quoted, there))} from {expected.name}"


def _grant_option(expected: CatalogObject, found: CatalogObject, wanted: Any, _there: Any) -> str:
    if wanted:
        return f"{expected.creation} with grant option"
    return f"revoke grant option for {found.reference}"


_MENDS: dict[tuple[str, str], Mend] = {
    ("column", "nullable"): _column(lambda wanted: f"{'drop' if wanted else 'set'} not null"),
    ("column", "default"): _column(
        lambda wanted: "drop default" if wanted is None else f"set default {wanted}"
    ),
    ("column", "type"): _column(lambda wanted: f"type {wanted}"),
    ("column", "storage"): _column(lambda wanted: f"set storage {wanted}"),
    ("column", "compression"): _column(lambda wanted: f"set compression {wanted or 'default'}"),
    ("column", "statistics target"): _column(
        lambda wanted: f"set statistics {-1 if wanted is None else wanted}"
    ),
    ("column", "identity"): _column(
        lambda wanted: "drop identity" if wanted is None else f"add generated {wanted} as identity"
    ),
    ("table", "options"): _options,
    ("table", "row security"): _row_security,
    ("table", "forced row security"): _forced,
    ("table", "persistence"): lambda expected, _found, wanted, _there: (
        f"alter {expected.reference} set {'unlogged' if wanted == 'unlogged' else 'logged'}"
    ),
    ("table", "replica identity"): lambda expected, _found, wanted, _there: (
        f"alter {expected.reference} replica identity "
        + (f"using {wanted}" if wanted.startswith("index ") else wanted)
    ),
    ("constraint", "definition"): _constraint,
    ("index", "state"): _index_state,
    ("index", "definition"): _recreated,
    ("function", "*"): _replaced,
    ("procedure", "*"): _replaced,
    ("trigger", "enabled"): _trigger_state,
    ("internal trigger", "enabled"): _trigger_state,
    ("rule", "enabled"): _trigger_state,
    ("event trigger", "enabled"): _trigger_state,
    ("trigger", "definition"): _recreated,
    ("policy", "*"): _recreated,
    ("statistics", "definition"): _recreated,
    ("grant", "with grant option"): _grant_option,
    ("role", "member of"): _memberships,
    ("role", "members"): lambda expected, _found, _wanted, there: (
        f"revoke {expected.name} from {', '.join(map(quoted, there))}"
    ),
    ("role", "logs in"): lambda expected, _found, _wanted, _there: (
        f"alter {expected.reference} login"
    ),
    ("role", "connection limit"): lambda expected, _found, _wanted, _there: (
        f"alter {expected.reference} connection limit -1"
    ),
    ("role", "valid until"): lambda expected, _found, _wanted, _there: (
        f"alter {expected.reference} valid until 'infinity'"
    ),
    **{("role", name.replace("_", " ")): _powerless(power) for name, power in POWERS.items()},
}
