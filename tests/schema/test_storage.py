"""Storage options, which Alembic does not compare, are those of the tables' definitions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from campaigndb.tables import metadata

Rows = Callable[[str], list[tuple[Any, ...]]]


def test_each_table_has_the_options_of_its_definition(rows: Rows) -> None:
    found = rows(
        "select relname, coalesce(reloptions, '{}') from pg_class"
        " where relnamespace = 'public'::regnamespace and relkind = 'r'"
    )
    assert {name: sorted(options) for name, options in found if name in metadata.tables} == {
        name: sorted(
            f"{option}={value}"
            for option, value in (table.dialect_options["postgresql"]["with"] or {}).items()
        )
        for name, table in metadata.tables.items()
    }
