"""A call reads about as many rows as it needs, whatever the statistics say when it is planned."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import URL

from benchmarks.planner_statistics import (
    CALLED,
    LARGE,
    SIZE,
    STATES,
    isolate,
    load,
    parameters,
    without_autovacuum,
)
from campaigndb.calling.catalogue import FUNCTIONS
from tests.migrations.catalog import connect

# What a call may read for each row that it needs: itself, its keys, its entries in some indexes.
ROWS_PER_ROW = 25
# What it may read besides: rows that earlier calls left dead. A campaign's rows are thousands.
SLACK = 150
# From the sixth call on, a connection may keep a plan for any parameter.
CALLS = 7
# Rows of tables by scans and by keys, and entries of indexes.
READ = """
select sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid))::bigint
from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'i')
"""

State = Callable[[psycopg.Connection[Any], int], None]


@pytest.fixture
def connection(database_url: URL) -> Iterator[psycopg.Connection[Any]]:
    with connect(database_url) as connection:
        without_autovacuum(connection)
        yield connection


def rows_read(connection: psycopg.Connection[Any], statement: str, values: dict[str, Any]) -> int:
    """What one call reads; it is undone."""

    def read() -> int:
        # What the session has not told the collector yet: it grows, so the difference counts.
        row = connection.execute(READ).fetchone()
        assert row is not None
        return int(row[0])

    with connection.transaction(force_rollback=True):
        before = read()
        answer = connection.execute(statement.encode(), values).fetchone()
        after = read()
    assert answer is not None
    assert not isinstance(answer[0], dict) or answer[0]["success"], answer
    return after - before


def test_every_function_is_called() -> None:
    assert {name.partition(",")[0] for name in CALLED} == set(FUNCTIONS)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_no_call_reads_more_than_it_needs(
    connection: psycopg.Connection[Any], state: State, subtests: pytest.Subtests
) -> None:
    state(connection, SIZE)
    for name, (statement, given, needed) in CALLED.items():
        values = parameters(given)
        isolate(connection, name)
        for mode in ("force_custom_plan", "force_generic_plan", "auto"):
            with subtests.test(name, mode=mode):
                connection.execute("discard plans")
                connection.execute(f"set plan_cache_mode to {mode}")
                for _ in range(CALLS if mode == "auto" else 1):
                    read = rows_read(connection, statement, values)
                assert read <= needed * ROWS_PER_ROW + SLACK


def test_a_plan_that_was_made_for_empty_tables_serves_filled_ones(
    connection: psycopg.Connection[Any], subtests: pytest.Subtests
) -> None:
    connection.execute("analyze")
    connection.execute("set plan_cache_mode to force_generic_plan")
    values = {name: parameters(given) for name, (_, given, _) in CALLED.items()}
    deleted = 100
    load(connection, LARGE, deleted)
    for name, (statement, _, _) in CALLED.items():
        isolate(connection, name)
        rows_read(connection, statement, values[name])
    connection.execute("delete from gmaps_campaigns")
    load(connection, LARGE, SIZE)
    for name, (statement, _, needed) in CALLED.items():
        isolate(connection, name)
        # The deleted rows have entries in the indexes until somebody looks.
        most = needed * ROWS_PER_ROW + SLACK + 10 * deleted
        with subtests.test(name):
            assert rows_read(connection, statement, values[name]) <= most
