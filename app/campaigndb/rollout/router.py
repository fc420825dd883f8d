"""Decides whether a call goes to the function or to the fallback, for both rollout stores.

Nothing here accesses a database. The stores read the table and look up campaigns.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from campaigndb.calling.arguments import Call
from campaigndb.calling.errors import (
    DuplicateRecordError,
    InvalidInputError,
    MissingReferenceError,
    StoredFunctionError,
)
from campaigndb.rollout import percentages
from campaigndb.rollout.campaigns_of_call import businesses_named, campaigns_named
from campaigndb.rollout.circuit_breaker import BreakerLimits, CircuitBreaker
from campaigndb.rollout.percentages import Percentages

logger = logging.getLogger("campaigndb.rollout")

# SQLSTATEs if the function, or its gate, does not exist. Then this attempt wrote nothing. If an
# earlier attempt wrote and its reply was lost, the fallback finds it by the call's key.
_MISSING = ("42883", "42P01")
# The function works and refuses the call, as the fallback would.
_REFUSALS = (DuplicateRecordError, InvalidInputError, MissingReferenceError)
# Maximum number of businesses whose campaigns are remembered. They never change.
_MOST_REMEMBERED = 100_000


@dataclass(frozen=True)
class Route:
    """The basis for routing one call, fixed when the call arrives.

    Each call has its own. A percentage that changes while campaigns are looked up cannot affect
    the decision, nor can another call that makes the router forget campaigns.

    `campaigns` are the known ones; those of the `unknown` businesses must be looked up.
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
    ) -> None:
        self._percentages = fixed or percentages.from_settings()
        self._reads_table = fixed is None
        self._refresh_seconds = refresh_seconds
        self._read_again_at = 0.0
        self._table_was_asked = False
        self._table_failed = False
        self._lock = threading.Lock()
        self._breakers: dict[str, CircuitBreaker] = defaultdict(lambda: CircuitBreaker(limits))
        self._campaigns: dict[uuid.UUID, uuid.UUID] = {}

    # Percentages

    def should_read_table(self) -> bool:
        """Whether this caller should read the table now. The others use the known values.

        Until the first read, every caller reads, so that none is routed without the table.
        """
        if not self._reads_table:
            return False
        if self._table_was_asked and time.monotonic() < self._read_again_at:
            return False
        with self._lock:
            now = time.monotonic()
            if self._table_was_asked and now < self._read_again_at:
                return False
            self._read_again_at = now + self._refresh_seconds
            return True

    def table_was_read(self, rows: Mapping[str, int]) -> None:
        """Uses the percentages from the table."""
        self._table_failed = False
        self._percentages = replace(self._percentages, in_table=dict(rows))
        self._table_was_asked = True

    def table_was_not_read(self, error: Exception) -> None:
        """Keeps the last known percentages, or those of the settings."""
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
        """Adds the campaigns of the route's unknown businesses, as far as they exist."""
        route.campaigns.update(found.values())
        self._campaigns.update(found)

    # Calls

    def admit(self, call: Call[Any], route: Route) -> int | None:
        """The breaker's pass for a call to the stored function; None for the fallback.

        Report the call's outcome with the pass.
        """
        percentage = route.percentage
        if percentage == 0:
            return None
        if percentage < 100 and not percentages.is_served(percentage, route.campaigns):
            return None
        return self._breakers[call.function.name].admit()

    def succeeded(self, call: Call[Any], given_pass: int) -> None:
        """Tells the function's breaker that a call succeeded."""
        if self._breakers[call.function.name].succeeded(given_pass):
            logger.warning("%s works again and is used again", call.function.name)

    def failed(self, call: Call[Any], given_pass: int, error: StoredFunctionError) -> bool:
        """Counts a failure. Returns whether this call may be sent to the fallback.

        That is only the case if the function does not exist. Any other failed call may have been
        committed, if the reply to COMMIT was lost.
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
        """`failed` for a call within the caller's transaction.

        A conflict does not count there, because the caller retries the transaction.
        """
        if not error.retry_recommended:
            self.failed(call, given_pass, error)


def is_missing_function(error: StoredFunctionError) -> bool:
    """Whether a call failed because the function does not exist, and so wrote nothing.

    A block's own statements fail with the same codes if something else is missing.
    """
    return error.function is not None and error.error_code in _MISSING
