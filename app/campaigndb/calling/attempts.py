"""The attempts of one call; shared by the synchronous and the asyncio stores."""

from __future__ import annotations

import logging
import time
from typing import Any

from tenacity import RetryCallState

from campaigndb.calling.errors import (
    REFUSALS,
    DatabaseConnectionError,
    StoredFunctionError,
    connection_was_lost,
    from_exception,
    met_a_migration,
    nothing_was_sent,
    outcome_unknown,
)
from campaigndb.calling.retries import RetryPolicy, is_retryable
from campaigndb.calling.telemetry import Observation

# Logger name that the documents give and that callers configure.
logger = logging.getLogger("campaigndb.calling.transactions")

# Maximum number of attempts that may fail because of a migration. Each revision is one short
# transaction, and the next attempt sees its result. What is still missing then does not exist, and
# the caller should be told.
_ATTEMPTS_AT_A_MIGRATION = 5


class Attempts:
    """Counts the attempts of one call, classifies their failures and reports them.

    Args:
        name: the function that errors name; None for a block of calls.
        observation: receives every attempt.
        writes: whether an attempt may write to the database.
    """

    def __init__(
        self, name: str | None, observation: Observation | None = None, *, writes: bool = True
    ) -> None:
        self._name = name
        self._observation = observation
        self._writes = writes
        # Whether the statement under way includes COMMIT. If the connection closes during it, the
        # outcome is unknown.
        self.holds_commit = True
        # Whether an attempt may have been committed. A later failure does not undo it.
        self._is_open = False
        self._met_migrations = 0
        self._number = 0
        self._started = time.monotonic()

    def begin(self) -> None:
        """Counts an attempt, also for the log and the span."""
        self._number += 1
        if self._observation is not None:
            self._observation.attempts = self._number

    def failure(self, error: Exception) -> StoredFunctionError | None:
        """Translates an attempt's exception; None if it does not come from the database."""
        failure = from_exception(error, self._name)
        if failure is None:
            return None
        if self._writes and self.holds_commit and connection_was_lost(error):
            # Whatever the SQLSTATE: the server may have committed before the connection closed.
            failure = outcome_unknown(failure)
        if isinstance(failure, DatabaseConnectionError):
            self._is_open = self._is_open or (self._writes and not nothing_was_sent(error))
        elif self._is_open and not isinstance(failure, REFUSALS):
            failure = outcome_unknown(failure)
        if met_a_migration(failure):
            self._met_migrations += 1
        failure.attempts = self._number
        return failure

    def tenacity_options(self, policy: RetryPolicy) -> dict[str, Any]:
        """Options for a loop that counts the attempt already made as its first."""
        spent = time.monotonic() - self._started
        options = policy.tenacity_options(self._is_retryable, spent=spent)
        return options | {"before_sleep": self._log_retry}

    def _is_retryable(self, error: BaseException) -> bool:
        return is_retryable(error) or (
            isinstance(error, StoredFunctionError)
            and met_a_migration(error)
            and self._met_migrations < _ATTEMPTS_AT_A_MIGRATION
        )

    def _log_retry(self, state: RetryCallState) -> None:
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
