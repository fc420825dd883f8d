"""One unit of work: an isolation level, a fresh connection for every attempt, retries, a deadline.

A failed attempt is rolled back before it is tried again, and success is reported only after
COMMIT: under SERIALIZABLE the last statement can succeed and COMMIT still fail.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine, SingletonThreadPool, StaticPool
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from tenacity import AsyncRetrying, RetryCallState, Retrying

from app.calls import IsolationLevel
from app.errors import (
    REFUSALS,
    DatabaseConnectionError,
    StoredFunctionError,
    from_exception,
    nothing_was_sent,
    outcome_unknown,
)
from app.retries import RetryPolicy
from app.telemetry import Observation

T = TypeVar("T")

logger = logging.getLogger(__name__)


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
            if left_open_by_a_listener(connection):
                connection.connection.commit()
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
            if left_open_by_a_listener(connection.sync_connection):
                await connection.run_sync(lambda listened: listened.connection.commit())
            await connection.execution_options(**options)
            async with connection.begin():
                return await block(connection)

    return await retried_async(attempt, policy, name, observation, writes=not read_only)


def left_open_by_a_listener(connection: Connection | None) -> bool:
    """Whether an event listener of the pool's began a transaction on this fresh connection.

    Its isolation level cannot be chosen any more. Committed, the listener's SET stays.
    """
    if connection is None or isinstance(
        # These give one connection to all: it may be in a transaction of the caller's.
        connection.engine.pool,
        (StaticPool, SingletonThreadPool),
    ):
        return False
    driver = connection.connection.driver_connection
    return (
        isinstance(driver, (psycopg.Connection, psycopg.AsyncConnection))
        and driver.info.transaction_status == TransactionStatus.INTRANS
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
            failure = attempts.failure(error)
            if failure is None:
                raise
        # Not within the handler: the driver's exception would be its context, and repeats the
        # parameters, which may hold personal data.
        raise failure

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
            failure = attempts.failure(error)
            if failure is None:
                raise
        raise failure

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

    def failure(self, error: Exception) -> StoredFunctionError | None:
        """What the attempt's error means for the call; None where it is not the database's."""
        failure = from_exception(error, self._name)
        if failure is None:
            return None
        if isinstance(failure, DatabaseConnectionError):
            self._is_open = self._is_open or (self._writes and not nothing_was_sent(error))
        elif self._is_open and not isinstance(failure, REFUSALS):
            failure = outcome_unknown(failure)
        failure.attempts = self._number
        return failure

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
