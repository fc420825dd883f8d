"""One call as a whole transaction in one round trip: BEGIN, the query and COMMIT are sent together.

One after the other they are three round trips, and a call holds its locks during the last of them.

- Calls that wait at a gate are *one message*, the values written into its text. Callers queue for
  these locks, and it is the fastest there is. COMMIT leaves the disk to what follows it
  (`app.wal_flush`).
- All others are *a pipeline*, their values apart from the statements: what servers log and show of
  a statement holds no personal data, and a batch of a megabyte is not parsed as SQL.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.generators import send
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from app.calls import Call, Rows
from app.cost_gate import gate_statements, seconds
from app.errors import StoredFunctionError, from_exception, outcome_unknown
from app.retries import RetryPolicy
from app.telemetry import Observation
from app.transactions import left_open_by_a_listener, retried, retried_async
from app.wal_flush import FLUSH, MAY_FLUSH, WITHOUT_FLUSH

R = TypeVar("R")

# SQLAlchemy learns of a lost connection from its own statements only. It then replaces the pool's
# other connections too: after a restart of the server a retry must not meet the next dead one.
_LET_THE_POOL_NOTICE = "ROLLBACK"

# What BEGIN or COMMIT itself, or a text that cannot be parsed, fails with: nothing was written.
_NOT_COMMITTED = ("0A", "23", "40", "42601")


def run_in_one_round_trip(
    engine: Engine,
    call: Call[R],
    schema: str,
    *,
    policy: RetryPolicy,
    observation: Observation | None = None,
) -> R:
    """Runs the call in a transaction of its own and returns its result after COMMIT.

    The call is sent once for each attempt, each time on a connection that is checked out afresh.

    Raises:
        StoredFunctionError: the last attempt failed; it was rolled back.
    """

    def attempt() -> R:
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            if not isinstance(driver, psycopg.Connection):
                raise _not_psycopg()
            if left_open_by_a_listener(connection):
                driver.commit()
            autocommit = driver.autocommit
            try:
                # BEGIN and COMMIT are among the statements. Said to the driver, which takes a
                # quarter of the time that SQLAlchemy's AUTOCOMMIT takes.
                driver.autocommit = True
                statements = _statements(call, schema, connection)
                try:
                    rows = statements.send(driver)
                except BaseException as error:
                    unknown = _outcome_unknown(error, driver) if call.writes else None
                    if not isinstance(error, psycopg.Error):
                        # Raised by a signal's handler, in the middle of anything.
                        connection.invalidate()
                    elif _is_usable(driver):
                        driver.rollback()
                    elif driver.closed:
                        with contextlib.suppress(DBAPIError):
                            connection.exec_driver_sql(_LET_THE_POOL_NOTICE)
                    else:
                        connection.invalidate()
                    if unknown is None:
                        raise
                else:
                    unknown = None
            finally:
                if _is_idle(driver):
                    driver.autocommit = autocommit
            if unknown is not None:
                # Not within the handler, as in `retried`. The right to flush may have been revoked.
                _Session.forget(connection)
                raise unknown
            return call.read(rows)

    return retried(attempt, policy, call.function.name, observation, writes=call.writes)


async def run_in_one_round_trip_async(
    engine: AsyncEngine,
    call: Call[R],
    schema: str,
    *,
    policy: RetryPolicy,
    observation: Observation | None = None,
) -> R:
    """`run_in_one_round_trip` over SQLAlchemy's asyncio."""

    async def attempt() -> R:
        async with engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            if not isinstance(driver, psycopg.AsyncConnection):
                raise _not_psycopg()
            if left_open_by_a_listener(connection.sync_connection):
                await driver.commit()
            autocommit = driver.autocommit
            try:
                await driver.set_autocommit(True)
                statements = await connection.run_sync(partial(_statements, call, schema))
                try:
                    rows = await statements.send_async(driver)
                except BaseException as error:
                    unknown = _outcome_unknown(error, driver) if call.writes else None
                    if _is_usable(driver):
                        await driver.rollback()
                    elif driver.closed:
                        with contextlib.suppress(DBAPIError):
                            await connection.exec_driver_sql(_LET_THE_POOL_NOTICE)
                    else:
                        await connection.invalidate()
                    if unknown is None:
                        raise
                else:
                    unknown = None
            finally:
                if _is_idle(driver):
                    await driver.set_autocommit(autocommit)
            if unknown is not None:
                await connection.run_sync(_Session.forget)
                raise unknown
            return call.read(rows)

    return await retried_async(attempt, policy, call.function.name, observation, writes=call.writes)


def _statements(call: Call[Any], schema: str, connection: Connection) -> _Message | _Pipeline:
    begin = f"BEGIN ISOLATION LEVEL {call.function.isolation_level}"
    # Said, as a role may have default_transaction_read_only.
    begin += " READ WRITE" if call.writes else " READ ONLY"
    query = call.function.sql(schema, "%({})s")
    if not call.gated_campaigns:
        return _Pipeline(begin, query, call.values)
    session = _Session.of(connection)
    gates = gate_statements(schema, call.gated_campaigns, own_timeout=session.lock_timeout)
    if session.may_flush:
        return _Message(
            [begin, *gates], f"{query}, {WITHOUT_FLUSH}", ["COMMIT", FLUSH], call.values
        )
    return _Message([begin, *gates], query, ["COMMIT"], call.values)


@dataclass(frozen=True)
class _Session:
    """What decides how a message is written; asked once a connection, which keeps it."""

    # Seconds. A shorter limit of the caller's own is to stay: see `remembered_lock_timeout`.
    lock_timeout: float
    may_flush: bool

    @classmethod
    def of(cls, connection: Connection) -> _Session:
        """Asks by a query of its own: the connection is in autocommit."""
        known = connection.info.get(cls)
        if isinstance(known, cls):
            return known
        asked = f"select current_setting('lock_timeout'), ({MAY_FLUSH})"
        lock_timeout, may_flush = connection.exec_driver_sql(asked).one()
        session = connection.info[cls] = cls(seconds(lock_timeout), bool(may_flush))
        return session

    @classmethod
    def forget(cls, connection: Connection) -> None:
        connection.info.pop(cls, None)


class _Message:
    """Statements in one text; the value is that of `query`, a SELECT of one row."""

    def __init__(
        self, before: Sequence[str], query: str, after: Sequence[str], values: Mapping[str, Any]
    ) -> None:
        self._text = "; ".join([*before, query, *after])
        self._values = values
        self._query = len(before)

    def send(self, driver: psycopg.Connection[Any]) -> Rows:
        with psycopg.ClientCursor(driver) as cursor:
            cursor.execute(self._text, self._values)
            return self._rows(cursor)

    async def send_async(self, driver: psycopg.AsyncConnection[Any]) -> Rows:
        async with psycopg.AsyncClientCursor(driver) as cursor:
            await cursor.execute(self._text, self._values)
            return self._rows(cursor)

    def _rows(self, cursor: psycopg.ClientCursor[Any] | psycopg.AsyncClientCursor[Any]) -> Rows:
        """The query's, whose COMMIT must have followed."""
        results = [cursor.pgresult]
        while cursor.nextset():
            results.append(cursor.pgresult)
        answer, committed = (*results[self._query :], None, None)[:2]
        value = answer.get_value(0, 0) if answer is not None else None
        if value is None or committed is None or committed.command_status != b"COMMIT":
            raise _did_not_commit()
        return [{"envelope": value.decode()}]


class _Pipeline:
    """Statements that are sent one behind the other; only `query` has values."""

    def __init__(self, begin: str, query: str, values: Mapping[str, Any]) -> None:
        self._begin = begin
        self._query = query
        self._values = values

    def send(self, driver: psycopg.Connection[Any]) -> Rows:
        with driver.cursor() as control, driver.cursor(row_factory=dict_row) as cursor:
            with _pipeline(driver):
                control.execute(self._begin, prepare=False)
                cursor.execute(self._query, self._values)
                control.execute("COMMIT", prepare=False)
            self._check(control)
            return cursor.fetchall()

    async def send_async(self, driver: psycopg.AsyncConnection[Any]) -> Rows:
        async with driver.cursor() as control, driver.cursor(row_factory=dict_row) as cursor:
            async with _pipeline_async(driver):
                await control.execute(self._begin, prepare=False)
                await cursor.execute(self._query, self._values)
                await control.execute("COMMIT", prepare=False)
            self._check(control)
            return await cursor.fetchall()

    @staticmethod
    def _check(control: psycopg.Cursor[Any] | psycopg.AsyncCursor[Any]) -> None:
        if control.statusmessage != "COMMIT":
            raise _did_not_commit()


@contextlib.contextmanager
def _pipeline(driver: psycopg.Connection[Any]) -> Iterator[None]:
    """psycopg's, which warns in the log where it ends because of an error.

    A server tells of an error at once, so it may be raised before all is sent.
    """
    failure: psycopg.Error | None = None
    try:
        with driver.pipeline() as pipeline:
            pipeline._exit_gen = partial(_end, pipeline)  # type: ignore[method-assign]
            try:
                yield
            except psycopg.Error as error:
                failure = error
    except psycopg.Error as error:
        failure = failure or error
    if failure is not None:
        raise failure


@contextlib.asynccontextmanager
async def _pipeline_async(driver: psycopg.AsyncConnection[Any]) -> AsyncIterator[None]:
    """`_pipeline` for asyncio."""
    failure: psycopg.Error | None = None
    try:
        async with driver.pipeline() as pipeline:
            pipeline._exit_gen = partial(_end, pipeline)  # type: ignore[method-assign]
            try:
                yield
            except psycopg.Error as error:
                failure = error
    except psycopg.Error as error:
        failure = failure or error
    if failure is not None:
        raise failure


def _end(pipeline: psycopg.Pipeline | psycopg.AsyncPipeline) -> PQGen[None]:
    """psycopg's own ending, less its Flush behind the Sync.

    A pooler in transaction mode takes the server's connection back with the answer to Sync. Flush,
    which has no answer, would make it give the client another one, for as long as that is idle.
    """
    try:
        pipeline._enqueue_sync()
        yield from pipeline._communicate_gen()
    finally:
        # All of a large call: what is on its way is not waited for otherwise.
        yield from send(pipeline.pgconn)
        yield from pipeline._fetch_gen(flush=False)


def _outcome_unknown(
    error: BaseException, driver: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]
) -> StoredFunctionError | None:
    """What to raise where an attempt failed when its transaction had ended already."""
    if not isinstance(error, psycopg.Error) or error.sqlstate is None:
        return None
    if not _is_idle(driver):
        return None  # it failed inside of the transaction, or the connection is lost
    if error.sqlstate.startswith(_NOT_COMMITTED):
        return None
    translated = from_exception(error)
    assert translated is not None
    return outcome_unknown(translated)


def _not_psycopg() -> TypeError:
    return TypeError("the engine's driver is not psycopg 3 (postgresql+psycopg://…)")


def _did_not_commit() -> psycopg.Error:
    return psycopg.InternalError("the transaction did not end in COMMIT")


def _is_idle(driver: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> bool:
    return driver.info.transaction_status == TransactionStatus.IDLE


def _is_usable(driver: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> bool:
    return driver.info.transaction_status in (
        TransactionStatus.IDLE,
        TransactionStatus.INTRANS,
        TransactionStatus.INERROR,
    )
