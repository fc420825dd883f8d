"""What a role may do, tried out rather than read from the catalogs."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Composed, Identifier
from sqlalchemy.engine import URL

from campaigndb.calling.catalogue import FUNCTIONS
from campaigndb.tables import cost_gates, metadata
from tests.migrations.catalog import connect
from tests.migrations.databases import PASSWORD

# The functions that applications call; all others are helpers.
FOR_CALLERS = tuple(sorted(FUNCTIONS))

_PRIVILEGES = ("select", "insert", "update", "delete", "truncate", "references", "trigger")
_ATTEMPTS = (
    "select from {table}",
    "insert into {table} default values",
    "update {table} set {column} = {column}",
    "delete from {table}",
    "truncate {table}",
    "create temp table mine (like {table})",
    "create trigger mine before insert on {table} for each row"
    " execute function pg_catalog.suppress_redundant_updates_trigger()",
    "lock table {table} in access share mode",
    "alter table {table} disable row level security",
    "copy {table} to stdout",
    "drop table {table}",
)


def refused_everything_on_tables(
    url: URL, role: str, schema: str = "public", *, but_locking_gates: bool = False
) -> None:
    """Fails unless every use of every table is refused for want of a privilege.

    With `but_locking_gates` the role must hold UPDATE on every cost gate, and no more.
    """
    gates = {gate.name for gate in cost_gates}
    with as_role(url, role) as connection:
        tables = connection.execute(
            "select c.relname, a.attname from pg_class as c left join pg_attribute as a"
            " on a.attrelid = c.oid and a.attnum = 1"
            " where c.relnamespace = to_regnamespace(quote_ident(%s)) and c.relkind = 'r'",
            [schema],
        ).fetchall()
        assert {table for table, _ in tables} == {*metadata.tables, "gmaps_alembic_version"}
        assert {table for table, column in tables if column is None} == gates
        held = connection.execute(
            "select c.relname, privilege from pg_class as c, unnest(%s::text[]) as privilege"
            " where c.relnamespace = to_regnamespace(quote_ident(%s)) and c.relkind = 'r'"
            " and has_table_privilege(c.oid, privilege)",
            [list(_PRIVILEGES), schema],
        ).fetchall()
        assert sorted(held) == [(gate, "update") for gate in sorted(gates) if but_locking_gates]
        for table, column in tables:
            name = Identifier(schema, table)
            for attempt in _ATTEMPTS:
                if column is None and "{column}" in attempt:
                    continue  # there is nothing to update
                if table in gates and but_locking_gates and attempt.startswith("lock"):
                    with connection.transaction():
                        connection.execute(
                            SQL("lock table {} in share row exclusive mode").format(name)
                        )
                    continue
                refused(
                    connection,
                    SQL(attempt).format(table=name, column=Identifier(column or "")),
                )
        refused(connection, SQL("create table {}.mine ()").format(Identifier(schema)))
        refused(
            connection,
            SQL("create function {}.mine() returns int language sql as 'select 1'").format(
                Identifier(schema)
            ),
        )


def executable_functions(url: URL, role: str, schema: str = "public") -> tuple[str, ...]:
    """The functions that are not refused when they are called with nulls."""
    allowed = []
    with as_role(url, role) as connection:
        functions = connection.execute(
            "select proname, pronargs, array(select format_type(t, null)"
            " from unnest(proargtypes) as t) from pg_proc"
            " where pronamespace = to_regnamespace(quote_ident(%s)) order by proname",
            [schema],
        ).fetchall()
        assert len(functions) > len(FOR_CALLERS)
        for name, _, types in functions:
            nulls = SQL(", ").join(SQL(f"null::{type_name}") for type_name in types)
            call = SQL("select {}({})").format(Identifier(schema, name), nulls)
            try:
                connection.execute(call)
            except psycopg.errors.InsufficientPrivilege:
                continue
            except psycopg.errors.DataError:
                pass  # it ran, and did not like the nulls
            except psycopg.errors.ForeignKeyViolation:
                pass
            allowed.append(name)
    return tuple(allowed)


def as_role(url: URL, role: str) -> psycopg.Connection[Any]:
    return connect(url.set(username=role, password=PASSWORD))


def refused(connection: psycopg.Connection[Any], statement: Composed) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
        connection.execute(statement)
