"""Reading and writing the tables themselves, as their owner: every row, or an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from campaigndb.calling.catalogue import IsolationLevel
from campaigndb.calling.errors import StoredFunctionError, from_exception
from campaigndb.calling.retries import RetryPolicy
from campaigndb.calling.transactions import run_in_transaction
from campaigndb.settings import check_schema_name, get_settings

INSUFFICIENT_PRIVILEGE = "42501"

T = TypeVar("T")


class TableAccessError(Exception):
    """The role may not read or write every row of a table; one line that says which."""

    def __init__(self, refusal: str) -> None:
        super().__init__(f"{refusal}: connect as the role that owns the tables")


@contextmanager
def refusals_explained() -> Iterator[None]:
    """Raises TableAccessError where the server refuses the role a table or a row."""
    try:
        yield
    except (DBAPIError, StoredFunctionError) as error:
        failure = from_exception(error)
        if failure is None or failure.error_code != INSUFFICIENT_PRIVILEGE:
            raise
        raise TableAccessError(failure.detail) from None


@contextmanager
def reading_tables(engine: Engine, schema: str | None = None) -> Iterator[Connection]:
    """A read-only transaction on one snapshot, for selects of `campaigndb.tables`.

    `schema` is where the tables are; default: the setting `CAMPAIGNDB_SCHEMA`. Rows that row
    security hides are an error here: a sum over some of the rows would look like one over all.

    Raises:
        TableAccessError: the role may not read a table, or not every row of it.
    """
    schema = get_settings().schema_name if schema is None else check_schema_name(schema)
    with refusals_explained(), engine.connect() as connection:
        connection.execution_options(
            isolation_level="REPEATABLE READ",
            postgresql_readonly=True,
            schema_translate_map={None: schema},
        )
        with connection.begin():
            connection.execute(text("set local row_security = off"))
            yield connection


def write_tables(
    engine: Engine,
    schema: str,
    block: Callable[[Connection], T],
    *,
    isolation_level: IsolationLevel,
    policy: RetryPolicy,
    name: str,
) -> T:
    """Runs `block` in a transaction of its own that sees every row, and retries it as a whole.

    Statements of `campaigndb.tables` find their rows by an index. Under SERIALIZABLE a sequential
    scan reads every campaign, and the writers of the others would fail.

    Raises:
        TableAccessError: the role may not read or write every row.
        StoredFunctionError: the last attempt failed.
    """

    def on_every_row(connection: Connection) -> T:
        connection.exec_driver_sql("SET LOCAL row_security = off")
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        # What is off costs 1e10 before PostgreSQL 18, and the plan would be compiled each time.
        connection.exec_driver_sql("SET LOCAL jit = off")
        return block(connection)

    with refusals_explained():
        return run_in_transaction(
            engine.execution_options(schema_translate_map={None: schema}),
            on_every_row,
            isolation_level=isolation_level,
            policy=policy,
            name=name,
        )
