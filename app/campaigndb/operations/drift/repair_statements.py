"""The statements that bring an object back to what the code says, where running them is safe.

They are proposals for a person to read: nothing here executes one. Safe means that no row is lost,
that nothing unique stops being unique meanwhile, and that the next comparison no longer reports the
difference. What is merely unexpected is never dropped: it may be somebody else's. A difference
without such statements has none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from psycopg.sql import Literal

from campaigndb.operations.drift.roles import POWERS
from campaigndb.operations.drift.snapshot import OWNER, CatalogObject, quoted

Objects = Mapping[str, CatalogObject]
Statements = tuple[str, ...]
NONE: Statements = ()


def restore(
    item: CatalogObject, expected: Objects, unexpected: Iterable[CatalogObject], owner: str | None
) -> Statements:
    """For an object that is missing; `unexpected` are those that only the database has."""
    if item.creation is None:
        return NONE
    children = [each for each in expected.values() if each.parent == item.key]
    match item.kind:
        case "grant":
            if (item.parent or "").startswith(("database ", "default privileges ")):
                # To open a database to everybody again is not for a program to propose.
                return NONE
            option = " with grant option" if item.properties["with grant option"] else ""
            return (f"{item.creation}{option}",)
        case "index" | "constraint":
            renamed = next((each for each in unexpected if _is_the_same(item, each)), None)
            if renamed is not None:
                return (_renaming(renamed, item),)
            return (*_new_constraint(item), *_comment(item))
        case "column":
            if not _can_be_added(item, unexpected):
                return NONE
            settings = [
                f"{_altered_column(item)} {action}"
                for name in ("compression", "statistics target", "options")
                if (value := item.properties[name]) is not None
                for action in _settings(name, value, None)
            ]
            return (item.creation, *settings, *_comment(item), *_grants(children))
        case "function" | "procedure":
            return (
                item.creation.strip(),
                # PostgreSQL opens a new function to everybody.
                f"revoke all on {item.reference} from public",
                *_owner(item, owner),
                *_comment(item),
                *_grants(children),
            )
        case "policy" | "trigger" | "rule" | "statistics":
            return (item.creation, *_comment(item))
        case _:
            return NONE


def take_back(item: CatalogObject, grantees: Iterable[str]) -> Statements:
    """For what is unexpected: only a setting, and what one of `grantees` was granted."""
    if item.kind == "setting":
        return (item.reference,)
    is_known = any(item.name.endswith(f" to {grantee}") for grantee in grantees)
    if item.kind == "grant" and item.reference and is_known:
        return (f"revoke {item.reference}",)
    return NONE


def change_back(
    expected: CatalogObject, found: CatalogObject, attribute: str, owner: str | None
) -> Statements:
    """For one attribute that differs."""
    if attribute == "comment":
        return _comment(expected, found.reference)
    if attribute == "owner":
        is_supported = expected.kind in ("schema", "table", "function", "procedure", "database")
        # Of the schema `public` another owner is expected: pg_database_owner.
        named = expected.properties["owner"] if expected.kind != "database" else OWNER
        return _owner(found, owner if named == OWNER else named) if is_supported else NONE
    wanted, there = expected.properties.get(attribute), found.properties.get(attribute)
    if expected.kind in ("function", "procedure"):
        # A function in place keeps its parameters and its result.
        fixed = ("arguments", "result")
        if any(expected.properties[name] != found.properties[name] for name in fixed):
            return NONE
        return (expected.creation.strip(),) if expected.creation else NONE
    if expected.kind == "column":
        return _column(expected, found, attribute)
    if expected.kind == "policy":
        return _policy(expected, found)
    change = _CHANGES.get((expected.kind, attribute))
    statements = change(expected, found, wanted, there) if change else None
    return (statements,) if isinstance(statements, str) else statements or NONE


def _comment(item: CatalogObject, reference: str | None = None) -> Statements:
    value = item.properties.get("comment")
    if reference is None and value is None:
        return NONE
    literal = "null" if value is None else Literal(value).as_string()
    return (f"comment on {reference or item.reference} is {literal}",)


def _owner(item: CatalogObject, owner: str | None) -> Statements:
    return (f"alter {item.reference} owner to {quoted(owner)}",) if owner else NONE


def _grants(children: Iterable[CatalogObject]) -> Statements:
    return tuple(
        f"{each.creation}{' with grant option' if each.properties['with grant option'] else ''}"
        for each in children
        if each.kind == "grant" and each.creation
    )


# Constraints and indexes


def _constraint_name(constraint: CatalogObject) -> str:
    return constraint.name.partition(" on ")[0]


def _altered(constraint: CatalogObject) -> str:
    """`alter table …` of the table or domain that a constraint belongs to."""
    target = constraint.reference.partition(" on ")[2]
    return f"alter {target}" if target.startswith("domain ") else f"alter table {target}"


def _is_the_same(item: CatalogObject, other: CatalogObject) -> bool:
    """Whether they differ in their names only."""

    def nameless(each: CatalogObject) -> str:
        definition = str(each.properties["definition"])
        name = each.name if each.kind == "index" else ""
        return definition.replace(f" {name} ON ", " ON ", 1)

    if (item.kind, item.parent) != (other.kind, other.parent):
        return False
    return nameless(item) == nameless(other) and (
        {**item.properties, "definition": None} == {**other.properties, "definition": None}
    )


def _renaming(other: CatalogObject, item: CatalogObject) -> str:
    if item.kind == "index":
        return f"alter {other.reference} rename to {item.name}"
    old, new = _constraint_name(other), _constraint_name(item)
    return f"{_altered(item)} rename constraint {old} to {new}"


def _new_constraint(item: CatalogObject) -> Statements:
    """A constraint that can be validated is added without reading the table, then validated, which
    lets writers work."""
    assert item.creation is not None
    if item.kind != "constraint" or not _is_validated_apart(item):
        return (item.creation,)
    validated = f"{_altered(item)} validate constraint {_constraint_name(item)}"
    return (f"{item.creation} not valid", validated)


def _is_validated_apart(constraint: CatalogObject) -> bool:
    definition = str(constraint.properties["definition"])
    is_plain = not definition.endswith(("NOT VALID", "NOT ENFORCED"))
    return is_plain and definition.startswith(("CHECK", "FOREIGN KEY"))


def _changed_constraint(
    expected: CatalogObject, _found: CatalogObject, wanted: Any, there: Any
) -> Statements:
    name = _constraint_name(expected)
    if there == f"{wanted} NOT VALID":
        return (f"{_altered(expected)} validate constraint {name}",)
    if not _is_validated_apart(expected):
        # A primary key or a unique constraint would be given up meanwhile.
        return NONE
    return (
        f"{_altered(expected)} drop constraint {name}, add constraint {name} {wanted} not valid",
        f"{_altered(expected)} validate constraint {name}",
        *_comment(expected),
    )


def _changed_index(
    expected: CatalogObject, found: CatalogObject, _wanted: Any, _there: Any
) -> Statements:
    """The expected one is built beside the other, so that nothing unique is given up meanwhile."""
    if expected.creation is None or (expected.parent or "").startswith("constraint "):
        return NONE
    bare_name = expected.name.strip('"').replace('""', '"')
    new_name = quoted(f"{bare_name[:59]}_new")
    return (
        expected.creation.replace(f" {expected.name} ON ", f" {new_name} ON ", 1),
        f"drop index concurrently {found.reference.removeprefix('index ')}",
        f"alter index {_schema_of(expected)}{new_name} rename to {expected.name}",
        *_comment(expected),
    )


def _index_state(
    expected: CatalogObject, _found: CatalogObject, wanted: Any, there: Any
) -> str | None:
    if (wanted, there) != ("valid", "invalid"):
        return None
    return f"reindex {expected.reference.replace('index ', 'index concurrently ', 1)}"


def _schema_of(index: CatalogObject) -> str:
    """The schema and its point, as `public.`."""
    return index.reference.removeprefix("index ").removesuffix(index.name)


def _clustered(
    expected: CatalogObject, _found: CatalogObject, wanted: Any, _there: Any
) -> str | None:
    parent = expected.parent or ""
    if wanted or not parent.startswith("table "):
        return None
    table = f"{_schema_of(expected)}{parent.removeprefix('table ')}"
    return f"alter table {table} set without cluster"


# Columns


def _table_and_column(column: CatalogObject) -> tuple[str, str]:
    table, _, name = column.reference.removeprefix("column ").rpartition(".")
    return table, name


def _can_be_added(item: CatalogObject, unexpected: Iterable[CatalogObject]) -> bool:
    """Not where rows would need a value that nobody knows, and not beside a column that may be the
    same one under another name: its values would stay there."""
    values = item.properties
    has_value = values["nullable"] is True or values["default"] or values["generated"]
    is_plain = not (values["identity"] or values["collation"] or values["foreign options"])
    may_be_renamed = any(
        each.kind == "column"
        and each.parent == item.parent
        and each.properties["type"] == values["type"]
        for each in unexpected
    )
    return bool(has_value and is_plain and not may_be_renamed)


def _settings(attribute: str, wanted: Any, there: Any) -> list[str]:
    """Actions of ALTER COLUMN for what changes no value."""
    match attribute:
        case "default":
            return ["drop default" if wanted is None else f"set default {wanted}"]
        case "storage":
            return [f"set storage {wanted}"]
        case "compression":
            return [f"set compression {wanted or 'default'}"]
        case "statistics target":
            return [f"set statistics {-1 if wanted is None else wanted}"]
        case "options":
            return _options(wanted, there)
        case _:
            return []


def _altered_column(column: CatalogObject) -> str:
    table, name = _table_and_column(column)
    return f"alter table {table} alter column {name}"


def _column(expected: CatalogObject, found: CatalogObject, attribute: str) -> Statements:
    wanted, there = expected.properties.get(attribute), found.properties.get(attribute)
    table, _ = _table_and_column(expected)
    start = _altered_column(expected)
    if actions := _settings(attribute, wanted, there):
        return tuple(f"{start} {action}" for action in actions)
    if attribute == "nullable":
        if wanted is True and there is False:
            return (f"{start} drop not null",)
        if wanted is False and there is True:
            return (f"{start} set not null",)
        # NOT NULL by a constraint that is not validated, or not inherited.
        state, _, constraint = str(there).rpartition(": ")
        if wanted is False and state == "not validated":
            return (f"alter table {table} validate constraint {constraint}",)
        if wanted is False and state == "not inherited":
            return (f"alter table {table} alter constraint {constraint} inherit",)
        return NONE
    if attribute in ("type", "collation"):
        wanted_type, its_type = expected.properties["type"], found.properties["type"]
        collation = expected.properties["collation"]
        if not keeps_every_value(its_type, wanted_type):
            return NONE
        return (f"{start} type {wanted_type}" + (f" collate {collation}" if collation else ""),)
    return NONE


_INTEGERS = ("smallint", "integer", "bigint")


def keeps_every_value(found: str, wanted: str) -> bool:
    """Whether a column's values survive the change of its type; one that does not fit is an error,
    not a loss."""
    if found == wanted:
        return True
    if found in _INTEGERS and wanted in _INTEGERS:
        return _INTEGERS.index(found) < _INTEGERS.index(wanted)
    texts = r"text|character varying(\(\d+\))?"
    if re.fullmatch(texts, found):
        # ALTER refuses a text that is too long.
        return bool(re.fullmatch(texts, wanted))
    scale = r"numeric\(\d+,(\d+)\)"
    if found_scale := re.fullmatch(scale, found):
        wanted_scale = re.fullmatch(scale, wanted)
        return wanted == "numeric" or bool(
            wanted_scale and int(wanted_scale[1]) >= int(found_scale[1])
        )
    return False


# Tables and the rest


def _options(wanted: Any, there: Any, prefix: str = "") -> list[str]:
    """Actions that set what was lost or changed, and reset what was added."""
    lost = [option for option in wanted or [] if option not in (there or [])]
    names = {option.partition("=")[0] for option in wanted or []}
    added = {option.partition("=")[0] for option in there or []} - names
    actions = []
    if lost:
        actions.append(f"set ({', '.join(f'{prefix}{option}' for option in lost)})")
    if added:
        actions.append(f"reset ({', '.join(f'{prefix}{name}' for name in sorted(added))})")
    return actions


def _policy(expected: CatalogObject, found: CatalogObject) -> Statements:
    """In one statement: without the policy, row security would hide every row meanwhile."""
    wanted, there = expected.properties, found.properties
    is_possible = all(
        wanted[name] == there[name] for name in ("command", "permissive")
    ) and not any(wanted[name] is None and there[name] is not None for name in ("using", "check"))
    if not is_possible:
        return NONE
    using = f" using ({wanted['using']})" if wanted["using"] else ""
    check = f" with check ({wanted['check']})" if wanted["check"] else ""
    return (f"alter {expected.reference} to {wanted['roles']}{using}{check}",)


def _trigger_state(
    expected: CatalogObject, found: CatalogObject, wanted: Any, _there: Any
) -> str | None:
    action = {
        "yes": "enable",
        "no": "disable",
        "on replicas": "enable replica",
        "always": "enable always",
    }[wanted]
    # An internal trigger's name is another one in each database.
    what, _, table = found.reference.partition(" on ")
    return f"alter table {table} {action} {what}"


def _trigger(
    expected: CatalogObject, _found: CatalogObject, _wanted: Any, _there: Any
) -> str | None:
    creation = expected.creation or ""
    if not creation.startswith("CREATE TRIGGER "):  # a constraint's cannot be replaced
        return None
    return creation.replace("CREATE TRIGGER ", "create or replace trigger ", 1)


def _grant_option(expected: CatalogObject, found: CatalogObject, wanted: Any, _there: Any) -> Any:
    if wanted:
        return f"{expected.creation} with grant option" if expected.creation else None
    return f"revoke grant option for {found.reference}" if found.reference else None


Change = Callable[[CatalogObject, CatalogObject, Any, Any], str | Statements | None]


def _altering(action: Callable[[Any, Any], str]) -> Change:
    """`alter <reference> <action>`, from the expected and the found value."""
    return lambda expected, _found, wanted, there: (
        f"alter {expected.reference} {action(wanted, there)}"
    )


def _without(power: str) -> Change:
    return _altering(lambda _wanted, _there: f"no{power}")


_CHANGES: dict[tuple[str, str], Change] = {
    ("table", "options"): _altering(lambda wanted, there: ", ".join(_options(wanted, there))),
    ("table", "toast options"): _altering(
        lambda wanted, there: ", ".join(_options(wanted, there, "toast."))
    ),
    ("table", "row security"): _altering(
        lambda wanted, _: f"{'enable' if wanted else 'disable'} row level security"
    ),
    ("table", "forced row security"): _altering(
        lambda wanted, _: f"{'' if wanted else 'no '}force row level security"
    ),
    ("table", "persistence"): _altering(
        lambda wanted, _: f"set {'unlogged' if wanted == 'unlogged' else 'logged'}"
    ),
    ("table", "replica identity"): _altering(
        lambda wanted, _: (
            "replica identity " + (f"using {wanted}" if wanted.startswith("index ") else wanted)
        )
    ),
    ("constraint", "definition"): _changed_constraint,
    ("index", "state"): _index_state,
    ("index", "definition"): _changed_index,
    ("index", "clustered"): _clustered,
    ("trigger", "enabled"): _trigger_state,
    ("internal trigger", "enabled"): _trigger_state,
    ("trigger", "definition"): _trigger,
    ("grant", "with grant option"): _grant_option,
    ("database", "connection limit"): _altering(lambda _wanted, _there: "connection limit -1"),
    ("role", "member of"): lambda expected, _found, _wanted, there: (
        f"revoke {', '.join(map(quoted, there))} from {expected.name}"
    ),
    ("role", "members"): lambda expected, _found, _wanted, there: (
        f"revoke {expected.name} from {', '.join(map(quoted, there))}"
    ),
    ("role", "logs in"): _altering(lambda _wanted, _there: "login"),
    ("role", "connection limit"): _altering(lambda _wanted, _there: "connection limit -1"),
    ("role", "valid until"): _altering(lambda _wanted, _there: "valid until 'infinity'"),
    **{("role", name.replace("_", " ")): _without(power) for name, power in POWERS.items()},
}
