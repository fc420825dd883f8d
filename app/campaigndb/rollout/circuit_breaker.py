"""Stops using a function for a while after several failures in a row."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class BreakerLimits:
    """When to stop using a function, and for how long. Times are in seconds."""

    failures: int = 5
    recovery_time: float = 30.0

    def __post_init__(self) -> None:
        if self.failures < 1 or self.recovery_time < 0:
            raise ValueError("failures must be 1 or more, recovery_time not negative")


class CircuitBreaker:
    """Closed: calls go through. Open: no call does. Then one at a time, until one succeeds.

    A call that goes through gets a pass and reports its outcome with it. Outcomes of calls that
    started before the breaker last opened or closed are ignored, so that a slow success does not
    close it.

    No lock is held while a call runs, so calls do not wait for each other. (The usual libraries
    hold a lock during the call, or work only with asyncio.)
    """

    def __init__(self, limits: BreakerLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until: float | None = None
        self._changes = 0  # number of openings and closings; a pass is its value

    @property
    def is_open(self) -> bool:
        """Whether calls are not let through."""
        return self._open_until is not None

    def admit(self) -> int | None:
        """A pass for a call that may go through, else None."""
        with self._lock:
            if self._open_until is not None:
                now = self._clock()
                if now < self._open_until:
                    return None
                # This caller tries. The others wait for its outcome, or as long again.
                self._open_until = now + self._limits.recovery_time
            return self._changes

    def succeeded(self, given_pass: int) -> bool:
        """Reports a success. Returns whether it closed an open breaker."""
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
        """Counts a failure, or opens at once. Returns whether it opened a closed breaker."""
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
