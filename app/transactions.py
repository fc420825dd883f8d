"""One unit of work: an isolation level, a fresh connection for every attempt, retries, a deadline.

A failed attempt is rolled back before it is tried again, and success is reported only after
COMMIT: under SERIALIZABLE the last statement can succeed and COMMIT still fail.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
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
