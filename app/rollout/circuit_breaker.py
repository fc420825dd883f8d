"""After several failures in a row a function is left alone for a while, then tried again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class BreakerLimits:
    """When a function is given up, and for how long. Times are in seconds."""

    failures: int = 5
    recovery_time: float = 30.0

    def __post_init__(self) -> None:
        if self.failures < 1 or self.recovery_time < 0:
            raise ValueError("failures must be 1 or more, recovery_time not negative")


class CircuitBreaker:
    """Closed: calls go through. Open: none does. Then one at a time, until one succeeds.

    A call that goes through is given a pass and reports with it. What a call reports that began
    before the breaker last opened or closed is old news, and changes nothing: a slow success of
    then does not close it.

    Nothing is locked while a call runs, so calls do not wait for each other here. (The libraries
    at hand hold a lock during the call, or are for asyncio alone.)
    """

    def __init__(self, limits: BreakerLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until: float | None = None
        self._changes = 0  # the number of openings and closings, which is what a pass holds

    @property
    def is_open(self) -> bool:
        return self._open_until is not None

    def admit(self) -> int | None:
        """A pass for a call that may go through now, else None."""
        with self._lock:
            if self._open_until is not None:
                now = self._clock()
                if now < self._open_until:
                    return None
                # This caller tries; the others wait for what it reports, or as long again.
                self._open_until = now + self._limits.recovery_time
            return self._changes

    def succeeded(self, given_pass: int) -> bool:
        """Whether that closed an open breaker."""
        if self._failures == 0 and self._open_until is None:
            return False
        with self._lock:
            if given_pass != self._changes:
                return False
            closed = self._open_until is not None
            self._failures, self._open_until = 0, None
            self._changes += closed
            return closed

    def failed(self, given_pass: int, *, for_good: bool = False) -> bool:
        """Counts a failure, or opens at once; whether that opened a closed breaker."""
        with self._lock:
            if given_pass != self._changes:
                return False
            self._failures += 1
            opened = self._open_until is None
            if opened and not for_good and self._failures < self._limits.failures:
                return False
            self._open_until = self._clock() + self._limits.recovery_time
            self._changes += 1
            return opened
