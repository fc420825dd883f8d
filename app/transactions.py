"""One unit of work: an isolation level, a fresh connection for every attempt, retries, a deadline.

A failed attempt is rolled back before it is tried again, and success is reported only after
COMMIT: under SERIALIZABLE the last statement can succeed and COMMIT still fail.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from tenacity import AsyncRetrying, RetryCallState, Retrying

from app.calls import IsolationLevel
from app.errors import StoredFunctionError, from_exception
from app.retries import RetryPolicy

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
) -> T:
    """Runs `block` in a transaction of its own and returns its result after COMMIT.

    `block` runs once for each attempt, so it must be safe to repeat. `name` is what an error says
    failed.

    Raises:
        StoredFunctionError: the last attempt failed; it was rolled back.
    """
    for attempt in Retrying(**policy.tenacity_options(), before_sleep=_log_retry(name)):
        with attempt:
            try:
                # Checked out afresh: after a lost connection the same Connection object would
                # come back at the engine's default isolation level.
                with engine.connect() as connection:
                    connection.execution_options(**_options(isolation_level, read_only))
                    with connection.begin():
                        return block(connection)
            except Exception as error:
                translated = from_exception(error, name)
                if translated is None:
                    raise
                translated.attempts = attempt.retry_state.attempt_number
                # The driver's exception repeats parameters, and they may hold personal data.
                raise translated from None
    raise AssertionError("unreachable: the last attempt returns or raises")


async def run_in_transaction_async(
    engine: AsyncEngine,
    block: Callable[[AsyncConnection], Awaitable[T]],
    *,
    isolation_level: IsolationLevel,
    policy: RetryPolicy,
    read_only: bool = False,
    name: str | None = None,
) -> T:
    """`run_in_transaction` over SQLAlchemy's asyncio."""
    async for attempt in AsyncRetrying(**policy.tenacity_options(), before_sleep=_log_retry(name)):
        with attempt:
            try:
                async with engine.connect() as connection:
                    await connection.execution_options(**_options(isolation_level, read_only))
                    async with connection.begin():
                        return await block(connection)
            except Exception as error:
                translated = from_exception(error, name)
                if translated is None:
                    raise
                translated.attempts = attempt.retry_state.attempt_number
                # The driver's exception repeats parameters, and they may hold personal data.
                raise translated from None
    raise AssertionError("unreachable: the last attempt returns or raises")


def _options(isolation_level: IsolationLevel, read_only: bool) -> dict[str, Any]:
    return {"isolation_level": isolation_level, "postgresql_readonly": read_only}


def _log_retry(name: str | None) -> Callable[[RetryCallState], None]:
    def log(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        if isinstance(error, StoredFunctionError):
            logger.info(
                "retrying %s: attempt %d failed with %s",
                name or "transaction",
                state.attempt_number,
                error.error_code or type(error).__name__,
                extra={
                    "stored_function": name,
                    "attempt": state.attempt_number,
                    "sqlstate": error.error_code,
                },
            )

    return log
