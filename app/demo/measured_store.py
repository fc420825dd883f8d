"""A store that notes how long each call takes and how many retries there were."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import TypeVar

from sqlalchemy import Engine

from app import CampaignStore
from app.calls import Call

R = TypeVar("R")

Latencies = Mapping[str, list[float]]


class MeasuredStore(CampaignStore):
    """`latencies`: milliseconds of each call by function, its retries and COMMIT included."""

    def __init__(self, engine: Engine, *, schema: str) -> None:
        super().__init__(engine, schema=schema)
        self.latencies: dict[str, list[float]] = {}
        self._retries = _RetryCounter()
        logger = logging.getLogger("app.transactions")
        logger.addHandler(self._retries)
        logger.setLevel(logging.INFO)

    @property
    def calls(self) -> int:
        return sum(map(len, self.latencies.values()))

    @property
    def retries(self) -> int:
        """Of all stores in this process."""
        return self._retries.count

    def _run(self, call: Call[R]) -> R:
        start = time.perf_counter()
        result = super()._run(call)
        milliseconds = (time.perf_counter() - start) * 1000
        self.latencies.setdefault(call.function.name, []).append(milliseconds)
        return result


class _RetryCounter(logging.Handler):
    """Each retry is one record of the store's log."""

    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += hasattr(record, "attempt")
