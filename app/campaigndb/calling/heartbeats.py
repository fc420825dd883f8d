"""Extends a worker's leases in the background, and ends its loop on SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any, Self

from campaigndb.calling.errors import StoredFunctionError

logger = logging.getLogger(__name__)


class Heartbeat:
    """`with Heartbeat(call, seconds):` repeats the call at this interval, in a thread."""

    def __init__(self, call: Callable[[], Any], seconds: float) -> None:
        self._call = call
        self._seconds = seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="campaigndb lease", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._ended.wait(self._seconds):
            try:
                self._call()
            except StoredFunctionError as error:
                _log(error)


class AsyncHeartbeat:
    """`Heartbeat` for a coroutine function, as a task."""

    def __init__(self, call: Callable[[], Awaitable[Any]], seconds: float) -> None:
        self._call = call
        self._seconds = seconds

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self._call()
            except StoredFunctionError as error:
                _log(error)


class StoppedByTermination:
    """Calls `stop` on SIGTERM while the block runs, unless another handler is installed."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._is_installed = False

    def __enter__(self) -> None:
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._handle)
            self._is_installed = True

    def __exit__(self, *_: object) -> None:
        if self._is_installed:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._stop()


def _log(error: StoredFunctionError) -> None:
    logger.warning("a lease could not be extended: %s", error.error_code or type(error).__name__)
