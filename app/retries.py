"""The one retry policy: what is tried again, how long is waited, and when to give up."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy.exc import DBAPIError
from tenacity import (
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from app.calls import ALL_FUNCTIONS
from app.errors import StoredFunctionError

# lock_not_available (lock_timeout), deadlock_detected
_LOCK_CONFLICTS = ("55P03", "40P01")


@dataclass(frozen=True)
class RetryPolicy:
    """Bounds of the retries of one logical call. Times are in seconds.

    The wait before a retry is drawn evenly from 0 to min(longest_wait, first_wait * 2^retries)
    ("full jitter"): callers that failed together do not come back together.
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

        `spent` is how much of the deadline is over already.
        """
        return {
            "retry": retry_if_exception(retryable or is_retryable),
            "stop": stop_after_attempt(self.attempts) | stop_before_delay(self.deadline - spent),
            "wait": wait_random_exponential(multiplier=self.first_wait, max=self.longest_wait),
            "reraise": True,
        }


def is_retryable(error: BaseException) -> bool:
    """Whether a call of a stored function may succeed when it is made again."""
    return isinstance(error, StoredFunctionError) and error.retry_recommended


def is_lock_conflict(error: BaseException) -> bool:
    """Whether a revision of the schema failed for a lock that others held at that moment."""
    return isinstance(error, DBAPIError) and (
        getattr(error.orig, "sqlstate", None) in _LOCK_CONFLICTS
    )


NO_RETRY = RetryPolicy(attempts=1)
DEFAULT_POLICY = RetryPolicy()
# A cost that is given up is a lost cost: a crowd on one campaign is waited out, up to a minute.
COST_POLICY = RetryPolicy(attempts=200, deadline=60.0)
# A revision that waits for a lock makes every caller of the table wait behind it: it tries for a
# short time (its lock_timeout), and lets them all through before it tries again.
MIGRATION_POLICY = RetryPolicy(deadline=math.inf, first_wait=0.5, longest_wait=10.0)

DEFAULT_POLICIES: Mapping[str, RetryPolicy] = MappingProxyType(
    {"track_campaign_cost": COST_POLICY, "track_campaign_costs_batch": COST_POLICY}
)


class Policies:
    """Which policy each function has: the defaults, others by name, or one for every function.

    Raises ValueError for a name that no function has.
    """

    def __init__(self, policies: Mapping[str, RetryPolicy] | RetryPolicy | None = None) -> None:
        if isinstance(policies, RetryPolicy):
            self._default, self._by_name = policies, dict[str, RetryPolicy]()
        else:
            known = [function.name for function in ALL_FUNCTIONS]
            for name in policies or ():
                if name not in known:  # the one that was meant would have the default's
                    raise ValueError(f"there is no function {name!r}: {', '.join(known)}")
            self._default = DEFAULT_POLICY
            self._by_name = {**DEFAULT_POLICIES, **(policies or {})}

    def of(self, function_name: str) -> RetryPolicy:
        return self._by_name.get(function_name, self._default)
