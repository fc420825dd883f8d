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

    Nothing is locked while a call runs, so calls do not wait for each other here. (The libraries
    at hand hold a lock during the call, or are for asyncio alone.)
    """

    def __init__(self, limits: BreakerLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until: float | None = None

    @property
    def is_open(self) -> bool:
        return self._open_until is not None

    def allows(self) -> bool:
        """Whether a call may go through now. Who is allowed reports what became of it."""
        with self._lock:
            if self._open_until is None:
                return True
            now = self._clock()
            if now < self._open_until:
                return False
            # This caller tries; the others wait for what it reports, or as long again.
            self._open_until = now + self._limits.recovery_time
            return True

    def succeeded(self) -> bool:
        """Whether that closed an open breaker."""
        if self._failures == 0 and self._open_until is None:
            return False
        with self._lock:
            closed = self._open_until is not None
            self._failures, self._open_until = 0, None
            return closed

    def failed(self, *, for_good: bool = False) -> bool:
        """Counts a failure, or opens at once; whether that opened a closed breaker."""
        with self._lock:
            self._failures += 1
            if not for_good and self._open_until is None and self._failures < self._limits.failures:
                return False
            opened = self._open_until is None
            self._open_until = self._clock() + self._limits.recovery_time
            return opened
