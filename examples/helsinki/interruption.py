"""Ctrl-C and other requests to end: heard while there is work, held back while tidying up."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from multiprocessing import resource_tracker
from types import FrameType
from typing import TypeVar

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal asked the demo to end; like `KeyboardInterrupt` it is no error."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


@contextmanager
def interruptible() -> Iterator[None]:
    """Within the block each of the signals raises `Interrupted`."""
    heard_first: list[Interrupted] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        heard_first.append(Interrupted(number))
        raise heard_first[-1]

    # What was ignored from the start stays so: nohup does that.
    heard = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in heard}
    try:
        yield
    except Exception as error:
        # What was interrupted may fail while it is tidied up. That is not what ended it.
        if heard_first:
            raise heard_first[0] from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def held_back() -> Iterator[None]:
    """Signals wait until the end of the block; processes started in it never hear them."""
    # Where the first process of multiprocessing starts its tracker, it unblocks these signals.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def undisturbed(manager: AbstractContextManager[T]) -> Iterator[T]:
    """`manager` entered and left as a whole: a signal is heard in the block only."""
    stack = ExitStack()
    try:
        with held_back():
            value = stack.enter_context(manager)
        yield value
    finally:
        with held_back():
            stack.close()
