"""One unit of work: an isolation level, a fresh connection for every attempt, retries, a deadline.

A failed attempt is rolled back before it is tried again, and success is reported only after
COMMIT: under SERIALIZABLE the last statement can succeed and COMMIT still fail.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from tenacity import AsyncRetrying, RetryCallState, Retrying

from app.calls import IsolationLevel
from app.errors import (
    REFUSALS,
    DatabaseConnectionError,
    StoredFunctionError,
    from_exception,
    outcome_unknown,
)
from app.retries import RetryPolicy
from app.telemetry import Observation
from app.wal_flush import FLUSH, WITHOUT_FLUSH, forget_may_flush, may_flush

T = TypeVar("T")

logger = logging.getLogger(__name__)

# SQLAlchemy learns of a lost connection from its own statements only. It then replaces the pool's
# other connections too: after a restart of the server a retry must not meet the next dead one.
_LET_THE_POOL_NOTICE = "ROLLBACK"

# What COMMIT itself, or a text that cannot be parsed, fails with: nothing was written.
_NOT_COMMITTED = ("23", "40", "42601")


def run_in_transaction(
    engine: Engine,
    block: Callable[[Connection], T],
    *,
    isolation_level: IsolationLevel,
    policy: RetryPolicy,
    read_only: bool = False,
    name: str | None = None,
    observation: Observation | None = None,
) -> T:
    """Runs `block` in a transaction of its own and returns its result after COMMIT.

    `block` runs once for each attempt, so it must be safe to repeat. `name` is what an error says
    failed; `observation` is told of each attempt.

    Raises:
        StoredFunctionError: the last attempt failed; it was rolled back.
    """
    options = {"isolation_level": isolation_level, "postgresql_readonly": read_only}

    def attempt() -> T:
        # Checked out afresh: after a lost connection the same Connection object would come back
        # at the engine's default isolation level.
        with engine.connect() as connection:
            connection.execution_options(**options)
            with connection.begin():
                return block(connection)

    return retried(attempt, policy, name, observation, writes=not read_only)


async def run_in_transaction_async(
    engine: AsyncEngine,
    block: Callable[[AsyncConnection], Awaitable[T]],
    *,
    isolation_level: IsolationLevel,
    policy: RetryPolicy,
    read_only: bool = False,
    name: str | None = None,
    observation: Observation | None = None,
) -> T:
    """`run_in_transaction` over SQLAlchemy's asyncio."""
    options: dict[str, Any] = {
        "isolation_level": isolation_level,
        "postgresql_readonly": read_only,
    }

    async def attempt() -> T:
        async with engine.connect() as connection:
            await connection.execution_options(**options)
            async with connection.begin():
                return await block(connection)

    return await retried_async(attempt, policy, name, observation, writes=not read_only)


def run_in_one_message(
    engine: Engine,
    *,
    isolation_level: IsolationLevel,
    before: Callable[[Connection], str],
    query: str,
    values: Mapping[str, Any],
    read: Callable[[str], T],
    policy: RetryPolicy,
    name: str,
    observation: Observation | None = None,
) -> T:
    """BEGIN, `before`, `query` and COMMIT in one round trip; returns `read` of the query's value.

    `before` is given the connection, in AUTOCOMMIT, and returns statements. A lock that they take
    is held for no network delay at all, and not while COMMIT waits for the disk. `query` is a
    SELECT of one value with psycopg's named placeholders; it must be safe to repeat. `read` may
    raise `StoredFunctionError`.
    """

    def attempt() -> T:
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            if not isinstance(driver, psycopg.Connection):
                raise TypeError("the engine's driver is not psycopg 3 (postgresql+psycopg://…)")
            # The message itself begins and ends the transaction. Said to the driver, which takes a
            # quarter of the time that SQLAlchemy's AUTOCOMMIT takes.
            autocommit, driver.autocommit = driver.autocommit, True
            try:
                message = _Message(
                    isolation_level, before(connection), query, may_flush(connection)
                )
                try:
                    with psycopg.ClientCursor(driver) as cursor:
                        cursor.execute(message.text, values)
                        value = message.value(cursor)
                except BaseException as error:
                    unknown = _outcome_unknown(error, driver)
                    if _is_usable(driver):
                        driver.rollback()
                    elif driver.closed:
                        with contextlib.suppress(DBAPIError):
                            connection.exec_driver_sql(_LET_THE_POOL_NOTICE)
                    else:
                        connection.invalidate()
                    if unknown is not None:
                        forget_may_flush(connection)
                        raise unknown from None
                    raise
            finally:
                if _is_idle(driver):
                    driver.autocommit = autocommit
            return read(value)

    return retried(attempt, policy, name, observation)


async def run_in_one_message_async(
    engine: AsyncEngine,
    *,
    isolation_level: IsolationLevel,
    before: Callable[[Connection], str],
    query: str,
    values: Mapping[str, Any],
    read: Callable[[str], T],
    policy: RetryPolicy,
    name: str,
    observation: Observation | None = None,
) -> T:
    """`run_in_one_message` over SQLAlchemy's asyncio."""

    async def attempt() -> T:
        async with engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            if not isinstance(driver, psycopg.AsyncConnection):
                raise TypeError("the engine's driver is not psycopg 3 (postgresql+psycopg://…)")
            autocommit = driver.autocommit
            await driver.set_autocommit(True)
            try:
                message = _Message(
                    isolation_level,
                    await connection.run_sync(before),
                    query,
                    await connection.run_sync(may_flush),
                )
                try:
                    async with psycopg.AsyncClientCursor(driver) as cursor:
                        await cursor.execute(message.text, values)
                        value = message.value(cursor)
                except BaseException as error:
                    unknown = _outcome_unknown(error, driver)
                    if _is_usable(driver):
                        await driver.rollback()
                    elif driver.closed:
                        with contextlib.suppress(DBAPIError):
                            await connection.exec_driver_sql(_LET_THE_POOL_NOTICE)
                    else:
                        await connection.invalidate()
                    if unknown is not None:
                        await connection.run_sync(forget_may_flush)
                        raise unknown from None
                    raise
            finally:
                if _is_idle(driver):
                    await driver.set_autocommit(autocommit)
            return read(value)

    return await retried_async(attempt, policy, name, observation)


class _Message:
    """The statements of one transaction, and which of their results is the query's."""

    def __init__(
        self, isolation_level: IsolationLevel, before: str, query: str, flushes: bool
    ) -> None:
        # Said, as a role may have default_transaction_read_only.
        begin = f"BEGIN ISOLATION LEVEL {isolation_level} READ WRITE"
        if flushes:
            self.text = "; ".join([begin, before, f"{query}, {WITHOUT_FLUSH}", "COMMIT", FLUSH])
        else:
            self.text = "; ".join([begin, before, query, "COMMIT"])
        self._commit = -2 if flushes else -1

    def value(self, cursor: psycopg.ClientCursor[Any] | psycopg.AsyncClientCursor[Any]) -> str:
        """The value of the last statement before COMMIT, which must have committed."""
        results = cursor.pgresult, *_remaining_results(cursor)
        if len(results) >= 1 - self._commit:
            answer, committed = results[self._commit - 1], results[self._commit]
            value = answer.get_value(0, 0) if answer is not None else None
            if committed and committed.command_status == b"COMMIT" and value is not None:
                return str(value.decode())
        raise psycopg.InternalError("the transaction did not end in COMMIT")


def _remaining_results(
    cursor: psycopg.ClientCursor[Any] | psycopg.AsyncClientCursor[Any],
) -> list[Any]:
    results = []
    while cursor.nextset():
        results.append(cursor.pgresult)
    return results


def _outcome_unknown(
    error: BaseException, driver: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]
) -> StoredFunctionError | None:
    """What to raise where the message failed when its transaction had ended already."""
    if not isinstance(error, psycopg.Error) or error.sqlstate is None:
        return None
    if not _is_idle(driver):
        return None  # it failed inside of the transaction, or the connection is lost
    if error.sqlstate.startswith(_NOT_COMMITTED):
        return None
    translated = from_exception(error)
    assert translated is not None
    return outcome_unknown(translated)


def _is_idle(driver: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> bool:
    return driver.info.transaction_status == TransactionStatus.IDLE


def _is_usable(driver: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> bool:
    return driver.info.transaction_status in (
        TransactionStatus.IDLE,
        TransactionStatus.INTRANS,
        TransactionStatus.INERROR,
    )


def retried(
    attempt: Callable[[], T],
    policy: RetryPolicy,
    name: str | None,
    observation: Observation | None = None,
    *,
    writes: bool = True,
) -> T:
    """Makes attempts until one succeeds or the policy gives up.

    Where one of those that write may have been committed, a later failure says so, and is retried.

    Raises:
        StoredFunctionError: the last attempt's failure; `name` is what failed.
    """
    attempts = _Attempts(name, observation, writes)

    def once() -> T:
        attempts.begin()
        try:
            return attempt()
        except Exception as error:
            attempts.fail(error)
            raise

    try:
        return once()
    except StoredFunctionError as error:
        first = error
    # Nearly every call succeeds at once, and to enter tenacity would cost it a tenth of its time.
    for state in Retrying(**attempts.tenacity_options(policy)):
        with state:
            if state.retry_state.attempt_number == 1:
                raise first
            return once()
    raise AssertionError("unreachable: the last attempt returns or raises")


async def retried_async(
    attempt: Callable[[], Awaitable[T]],
    policy: RetryPolicy,
    name: str | None,
    observation: Observation | None = None,
    *,
    writes: bool = True,
) -> T:
    """`retried` for a coroutine function."""
    attempts = _Attempts(name, observation, writes)

    async def once() -> T:
        attempts.begin()
        try:
            return await attempt()
        except Exception as error:
            attempts.fail(error)
            raise

    try:
        return await once()
    except StoredFunctionError as error:
        first = error
    async for state in AsyncRetrying(**attempts.tenacity_options(policy)):
        with state:
            if state.retry_state.attempt_number == 1:
                raise first
            return await once()
    raise AssertionError("unreachable: the last attempt returns or raises")


class _Attempts:
    """The attempts of one call: their number, what became of them, and who is told."""

    def __init__(self, name: str | None, observation: Observation | None, writes: bool) -> None:
        self._name = name
        self._observation = observation
        self._writes = writes
        # One of them may have been committed: the failure of a later one does not undo it.
        self._is_open = False
        self._number = 0
        self._started = time.monotonic()

    def begin(self) -> None:
        self._number += 1
        if self._observation is not None:
            self._observation.attempts = self._number

    def fail(self, error: Exception) -> None:
        """Raises what the attempt's error means for the whole call, where it is the database's."""
        translated = from_exception(error, self._name)
        if translated is None:
            return
        if isinstance(translated, DatabaseConnectionError):
            self._is_open = self._writes
        elif self._is_open and not isinstance(translated, REFUSALS):
            translated = outcome_unknown(translated)
        translated.attempts = self._number
        # The driver's exception repeats parameters, and they may hold personal data.
        raise translated from None

    def tenacity_options(self, policy: RetryPolicy) -> dict[str, Any]:
        """For a loop whose first attempt is the one that was made."""
        spent = time.monotonic() - self._started
        return policy.tenacity_options(spent=spent) | {"before_sleep": self._tell_of_retry}

    def _tell_of_retry(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        if not isinstance(error, StoredFunctionError):
            return
        logger.info(
            "retrying %s: attempt %d failed with %s",
            self._name or "transaction",
            state.attempt_number,
            error.error_code or type(error).__name__,
            extra={
                "stored_function": self._name,
                "attempt": state.attempt_number,
                "sqlstate": error.error_code,
            },
        )
        if self._observation is not None:
            self._observation.retried(error, state.attempt_number)
