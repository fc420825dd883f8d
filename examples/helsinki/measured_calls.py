"""How long each call takes and how many retries there were, as the store's own log records tell."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from campaigndb.calling.telemetry import TRANSACTION


class MeasuredCalls(logging.Handler):
    """`latencies`: milliseconds of each call by function, its retries included."""

    def __init__(self) -> None:
        super().__init__()
        self.latencies: dict[str, list[float]] = {}
        self.retries = 0

    @property
    def calls(self) -> int:
        return sum(map(len, self.latencies.values()))

    def emit(self, record: logging.LogRecord) -> None:
        told = record.__dict__
        function = told.get("stored_function")
        if function is None:
            # Each retry is one record.
            self.retries += "attempt" in told
        elif function != TRANSACTION:
            milliseconds = told["duration_seconds"] * 1000
            self.latencies.setdefault(function, []).append(milliseconds)


@contextmanager
def measured_calls() -> Iterator[MeasuredCalls]:
    """Measures the calls of all stores in this process."""
    logger = logging.getLogger("campaigndb.calling")
    measured = MeasuredCalls()
    level = logger.level
    logger.addHandler(measured)
    logger.setLevel(logging.DEBUG)
    try:
        yield measured
    finally:
        logger.removeHandler(measured)
        logger.setLevel(level)
