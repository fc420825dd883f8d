"""Transactions with an isolation level, retries and a deadline, on a fresh connection each time.

A failed attempt is rolled back before the next one. Success is reported only after COMMIT: under
SERIALIZABLE, COMMIT can fail although every statement succeeded.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from tenacity import AsyncRetrying

from campaigndb.calling.attempts import Attempts
from campaigndb.calling.catalogue import IsolationLevel
from campaigndb.calling.connections import end_listeners_transaction
from campaigndb.calling.errors import StoredFunctionError
from campaigndb.calling.retries import RetryPolicy
from campaigndb.calling.telemetry import Observation

T = TypeVar("T")


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
    """Runs `block` in a transaction of its own and returns its result after COMMIT.

    `block` runs once for each attempt, so it must be safe to repeat. `name` is the name in errors;
    `observation` receives every attempt.

    Raises:
        StoredFunctionError: the last attempt failed; it was rolled back.
    """
    attempts = Attempts(name, observation, writes=not read_only)

    async def attempt() -> T:
        attempts.holds_commit = False
        # A fresh checkout: after a lost connection the same Connection object would reconnect at
        # the engine's default isolation level.
        async with engine.connect() as connection:
            await connection.run_sync(end_listeners_transaction)
            await connection.execution_options(
                isolation_level=isolation_level,
                postgresql_readonly=read_only,
                stream_results=False,
            )
            async with connection.begin():
                result = await block(connection)
                attempts.holds_commit = True
            return result

    return await retried_async(attempt, policy, attempts)


async def retried_async(
    attempt: Callable[[], Awaitable[T]], policy: RetryPolicy, attempts: Attempts
) -> T:
    """Repeats the attempt until it succeeds or the policy gives up.

    If an earlier attempt may have been committed, a later failure says so and is retried.

    Raises:
        StoredFunctionError: the last attempt's failure.
    """

    async def once() -> T:
        attempts.begin()
        try:
            return await attempt()
        except Exception as error:
            failure = attempts.failure(error)
            if failure is None:
                raise
        # Outside the handler: otherwise the driver's exception would be its context. That repeats
        # the parameters, which may hold personal data.
        raise failure

    try:
        return await once()
    except StoredFunctionError as error:
        first = error
    # Nearly every call succeeds at once, and entering tenacity would add a tenth to its time.
    async for state in AsyncRetrying(**attempts.tenacity_options(policy)):
        with state:
            if state.retry_state.attempt_number == 1:
                raise first
            return await once()
    raise AssertionError("unreachable: the last attempt returns or raises")
