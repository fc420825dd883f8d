"""Constraints and indexes are named by one convention, in the database and in the code alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import CheckConstraint, Index

from campaigndb.tables import metadata

Rows = Callable[[str], list[tuple[Any, ...]]]


def test_every_constraint_has_the_name_of_the_convention(rows: Rows) -> None:
    prefixes = {"p": "pk", "f": "fk", "u": "uq", "c": "ck"}
    constraints = rows(
        "select conrelid::regclass::text, conname, contype from pg_constraint"
        " where connamespace = 'public'::regnamespace and conrelid <> 0"
        " and contype <> 'n' and conrelid <> 'gmaps_alembic_version'::regclass"
    )
    assert len(constraints) > 50
    for table, name, kind in constraints:
        assert name.startswith(f"{prefixes[kind]}_{table}"), (table, name)


def test_the_database_has_the_constraints_and_indexes_of_the_code(rows: Rows) -> None:
    live = rows(
        "select conrelid::regclass::text, conname from pg_constraint"
        " where connamespace = 'public'::regnamespace and contype = 'c'"
        " union all"
        " select tablename, indexname from pg_indexes"
        " where schemaname = 'public' and indexname ~ '^idx_'"
    )
    code: list[tuple[str, str]] = []
    for table in metadata.sorted_tables:
        things: list[CheckConstraint | Index] = [
            *(c for c in table.constraints if isinstance(c, CheckConstraint)),
            *table.indexes,
        ]
        code += [(table.name, str(thing.name)) for thing in things]
    assert sorted(live) == sorted(code)


def test_no_name_is_cut_off(rows: Rows) -> None:
    """PostgreSQL cuts a name of more than 63 bytes silently, and Alembic would not find it."""
    lengths = rows(
        "select max(octet_length(relname)) from pg_class"
        " where relnamespace = 'public'::regnamespace"
        " union all"
        " select max(octet_length(conname)) from pg_constraint"
        " where connamespace = 'public'::regnamespace"
    )
    assert all(length < 63 for (length,) in lengths)


def test_the_indexes_that_users_rely_on(rows: Rows) -> None:
    indexes = {
        name: (table, unique, columns)
        for name, table, unique, columns in rows(
            """
            select i.indexrelid::regclass::text, i.indrelid::regclass::text, i.indisunique,
              array(
                select pg_get_indexdef(i.indexrelid, n, true)
                from generate_series(1, i.indnkeyatts) as n
              )
            from pg_index as i join pg_class as c on c.oid = i.indexrelid
            where c.relnamespace = 'public'::regnamespace
            """
        )
    }
    assert indexes["idx_businesses_campaign_id"] == ("gmaps_businesses", False, ["campaign_id"])
    assert indexes["idx_businesses_place_id"] == ("gmaps_businesses", True, ["place_id"])
    assert indexes["idx_campaign_coverage_campaign_id"] == (
        "gmaps_campaign_coverage",
        False,
        ["campaign_id"],
    )
    assert indexes["idx_api_costs_campaign_id"] == ("gmaps_api_costs", False, ["campaign_id"])
