"""What a piece of work takes in memory: of the server's process, and of this one."""

from __future__ import annotations

import ctypes
import gc
import threading
from collections.abc import Callable
from dataclasses import dataclass

import psutil

_SAMPLE_SECONDS = 0.002
_MB = 1024 * 1024


@dataclass(frozen=True)
class Memory:
    """The most that was in use meanwhile beyond what was before, in megabytes.

    Private memory alone: the server's buffers are shared and are there anyway.
    """

    server_mb: float
    client_mb: float


def measure_memory(backend_pid: int, work: Callable[[], object]) -> Memory | None:
    """Runs `work`, which calls through the server's process `backend_pid`.

    None where that is no process of this machine.
    """
    try:
        server, client = psutil.Process(backend_pid), psutil.Process()
        if "postgres" not in server.name():
            return None
        gc.collect()
        _give_back_what_is_free()
        before = (_private(server), _private(client))
    except psutil.Error:
        return None
    peak = list(before)
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(_SAMPLE_SECONDS):
            for index, process in enumerate((server, client)):
                peak[index] = max(peak[index], _private(process))

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        work()
    finally:
        ended.set()
        sampler.join()
    return Memory(*((most - first) / _MB for most, first in zip(peak, before, strict=True)))


def _give_back_what_is_free() -> None:
    """What earlier work has left would be used again, and the client seem to need no memory."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
    if trim is not None:
        trim(0)


def _private(process: psutil.Process) -> int:
    memory = process.memory_info()
    return int(memory.rss - memory.shared)
