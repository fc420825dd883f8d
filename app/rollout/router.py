"""Which way a call goes, and what is learned from how it went; shared by both rollout stores.

Nothing here waits for a database: the stores read the table and look up campaigns, each in its way.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.calls import Call
from app.errors import (
    DuplicateRecordError,
    InvalidInputError,
    MissingReferenceError,
    StoredFunctionError,
)
from app.rollout import percentages
from app.rollout.call_campaigns import businesses_named, campaigns_named
from app.rollout.circuit_breaker import BreakerLimits, CircuitBreaker
from app.rollout.percentages import Percentages

logger = logging.getLogger("app.rollout")

# The function, or the gate that it waits at first, does not exist: this attempt wrote nothing. What
# an earlier attempt wrote, whose answer was lost, has the call's key, and the other way knows it.
_MISSING = ("42883", "42P01")
# The function works and says no, as the other way would.
_REFUSALS = (DuplicateRecordError, InvalidInputError, MissingReferenceError)
# A business stays with its campaign for good, so what was looked up stays true.
_MOST_REMEMBERED = 100_000


@dataclass(frozen=True)
class Route:
    """What decides one call's way, as it was when the call came.

    It is the call's own: neither a percentage that changes while campaigns are looked up, nor
    another call that makes the router forget some, sends half of a decision elsewhere.

    `campaigns` are those that are known; those of the `unknown` businesses are to be looked up.
    """

    percentage: int
    campaigns: set[uuid.UUID] = field(default_factory=set)
    unknown: list[uuid.UUID] = field(default_factory=list)


class Router:
    """The percentages, the breakers of the functions and the campaigns of businesses."""

    def __init__(
        self,
        fixed: Percentages | None,
        refresh_seconds: float,
        limits: BreakerLimits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._percentages = fixed or percentages.from_settings()
        self._reads_table = fixed is None
        self._refresh_seconds = refresh_seconds
        self._read_again_at = 0.0
        self._table_was_asked = False
        self._table_failed = False
        self._clock = clock
        self._lock = threading.Lock()
        self._breakers: dict[str, CircuitBreaker] = defaultdict(
            lambda: CircuitBreaker(limits, clock)
        )
        self._campaigns: dict[uuid.UUID, uuid.UUID] = {}

    # Percentages

    def should_read_table(self) -> bool:
        """Whether the caller is to read the table now; the others go on with what is known.

        At first nothing is known: every caller reads, lest some go where the table does not say.
        """
        if not self._reads_table:
            return False
        if self._table_was_asked and self._clock() < self._read_again_at:
            return False
        with self._lock:
            now = self._clock()
            if self._table_was_asked and now < self._read_again_at:
                return False
            self._read_again_at = now + self._refresh_seconds
            return True

    def table_was_read(self, rows: Mapping[str, int]) -> None:
        self._table_failed = False
        self._percentages = replace(self._percentages, in_table=dict(rows))
        self._table_was_asked = True

    def table_was_not_read(self, error: Exception) -> None:
        """What was read last stays true; without it, the settings are what is known."""
        if not self._table_failed:
            logger.warning(
                "the rollout's percentages could not be read (%s); keeping the last ones",
                type(error).__name__,
            )
        self._table_failed = True
        self._table_was_asked = True

    # Campaigns

    def route(self, call: Call[Any]) -> Route:
        """The call's percentage and campaigns, for `admit`.

        Raises:
            InvalidInputError: the call's JSON is nested too deeply to be read.
        """
        route = Route(self._percentages.of(call.function.name))
        if route.percentage in (0, 100):
            return route
        named = campaigns_named(call)
        if named:
            route.campaigns.update(named)
            return route
        if len(self._campaigns) > _MOST_REMEMBERED:
            self._campaigns = {}
        known = self._campaigns
        for business_id in businesses_named(call):
            campaign_id = known.get(business_id)
            if campaign_id is None:
                route.unknown.append(business_id)
            else:
                route.campaigns.add(campaign_id)
        return route

    def campaigns_were_read(self, route: Route, found: Mapping[uuid.UUID, uuid.UUID]) -> None:
        """The campaigns of the route's unknown businesses, as far as there are such businesses."""
        route.campaigns.update(found.values())
        self._campaigns.update(found)

    # Ways

    def admit(self, call: Call[Any], route: Route) -> int | None:
        """The breaker's pass for a call that goes to the stored function; None: the old way.

        What becomes of the call is to be reported with the pass.
        """
        percentage = route.percentage
        if percentage == 0:
            return None
        if percentage < 100 and not percentages.is_served(percentage, route.campaigns):
            return None
        return self._breakers[call.function.name].admit()

    def succeeded(self, call: Call[Any], given_pass: int) -> None:
        if self._breakers[call.function.name].succeeded(given_pass):
            logger.warning("%s works again and is used again", call.function.name)

    def failed(self, call: Call[Any], given_pass: int, error: StoredFunctionError) -> bool:
        """Counts a failure; whether this same call may go the other way.

        Only where the function does not exist: whatever else failed may have been written, when
        the answer to COMMIT was lost, and the caller is told so.
        """
        name = call.function.name
        if isinstance(error, _REFUSALS):
            self.succeeded(call, given_pass)
            return False
        missing = is_missing_function(error)
        if self._breakers[name].failed(given_pass, for_good=missing):
            logger.warning(
                "%s is not used for a while: %s [%s]",
                name,
                "it does not exist" if missing else "too many failures",
                error.error_code,
                extra={"stored_function": name, "sqlstate": error.error_code},
            )
        return missing

    def failed_in_transaction(
        self, call: Call[Any], given_pass: int, error: StoredFunctionError
    ) -> None:
        """`failed` for a call within a transaction that is not the call's own.

        A conflict there is not the last word: whoever holds the transaction tries it again.
        """
        if not error.retry_recommended:
            self.failed(call, given_pass, error)


def is_missing_function(error: StoredFunctionError) -> bool:
    """Whether a call failed for a function that does not exist, and so left nothing behind.

    A block fails with the same codes for anything else that its own statements miss.
    """
    return error.function is not None and error.error_code in _MISSING
