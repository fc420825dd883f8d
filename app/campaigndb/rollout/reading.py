"""Short reads of the rollout's tables, which no call waits for long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection

from campaigndb.settings import get_settings

T = TypeVar("T")

REFRESH_SECONDS = 5.0
# A call must not wait while somebody alters the table. It can use the last known values.
WAIT_A_SECOND = "set local statement_timeout = 1000"


def compares(compare_reads: bool | None) -> bool:
    """Whether queues are read from both sides; None: the setting decides."""
    return get_settings().rollout_compare_reads if compare_reads is None else compare_reads


def reading(schema: str) -> dict[str, Any]:
    """Options for a connection that reads the schema's tables."""
    # A small read must not fail because of the engine's isolation level.
    return {"isolation_level": "READ COMMITTED", "schema_translate_map": {None: schema}}


@contextmanager
def using_schema(connection: Connection, schema: str) -> Iterator[None]:
    """Translates the tables to the schema, and restores the caller's options afterwards."""
    before = connection.get_execution_options().get("schema_translate_map")
    connection.execution_options(schema_translate_map={None: schema})
    try:
        yield
    finally:
        connection.execution_options(schema_translate_map=before)


def read_within(connection: Connection, schema: str, query: Callable[..., T], *arguments: Any) -> T:
    """Reads in the caller's transaction, and leaves the transaction unchanged.

    A separate connection might not be available while blocks hold all connections of the pool, and
    would not see what the transaction has written.
    """
    with using_schema(connection, schema), connection.begin_nested() as savepoint:
        connection.exec_driver_sql(WAIT_A_SECOND)
        answer = query(connection, *arguments)
        savepoint.rollback()  # also resets the limit
    return answer
