"""The retry policy: what is retried, how long to wait, and when to give up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tenacity import (
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from campaigndb.calling.errors import StoredFunctionError


@dataclass(frozen=True)
class RetryPolicy:
    """Limits for the retries of one logical call. Times are in seconds.

    The wait before a retry is uniformly random between 0 and
    min(longest_wait, first_wait * 2^retries) ("full jitter"), so that callers that failed together
    do not retry together.
    """

    attempts: int = 5
    deadline: float = 30.0
    first_wait: float = 0.02
    longest_wait: float = 2.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError("attempts must be 1 or more")
        if min(self.deadline, self.first_wait, self.longest_wait) < 0:
            raise ValueError("deadline and waits must not be negative")

    def tenacity_options(
        self, retryable: Callable[[BaseException], bool] | None = None, *, spent: float = 0.0
    ) -> dict[str, Any]:
        """Arguments for tenacity's `Retrying` and `AsyncRetrying`.

        `spent` is how much of the deadline has passed already.
        """
        return {
            "retry": retry_if_exception(retryable or is_retryable),
            "stop": stop_after_attempt(self.attempts) | stop_before_delay(self.deadline - spent),
            "wait": wait_random_exponential(multiplier=self.first_wait, max=self.longest_wait),
            "reraise": True,
        }


def is_retryable(error: BaseException) -> bool:
    """Whether the call of a stored function may succeed if it is repeated."""
    return isinstance(error, StoredFunctionError) and error.retry_recommended


NO_RETRY = RetryPolicy(attempts=1)
DEFAULT_POLICY = RetryPolicy()
# A cost that is given up is lost. Contention on one campaign is therefore waited out, for up to a
# minute.
COST_POLICY = RetryPolicy(attempts=200, deadline=60.0)
