"""Runs independent tasks in a few processes, several at once.

For work that a process can do only once at a time, such as Alembic's, which has global state. If
the process of a task dies, this is reported, and the other tasks continue.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_NO_TASK: Any = object()


class ProcessDied(Exception):
    """The process ended before its task."""


def in_processes(
    work: Callable[[T], R], tasks: Iterable[T], processes: int, *, preload: str
) -> Iterator[tuple[T, R | ProcessDied]]:
    """Yields each task with the result of `work`, in the order in which they end.

    Args:
        work: a function of a module. An exception ends its process.
        tasks: the tasks. One is taken whenever a process is free.
        processes: the number of processes.
        preload: the module that is imported once for all processes.

    If the caller stops early, running tasks are finished and no other task starts.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([preload])
    waiting = iter(tasks)
    at_work: dict[Connection[Any, Any], T] = {}
    started: list[ForkServerProcess] = []

    def new_connection() -> Connection[Any, Any]:
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(work, theirs), daemon=True)
        process.start()
        theirs.close()
        started.append(process)
        return ours

    def give(task: T, connection: Connection[Any, Any]) -> None:
        at_work[connection] = task
        with contextlib.suppress(ConnectionError):  # noticed when its result is read
            connection.send(task)

    try:
        for task in itertools.islice(waiting, processes):
            give(task, new_connection())
        while at_work:
            for connection in wait(list(at_work)):
                assert isinstance(connection, Connection)
                task = at_work.pop(connection)
                result: R | ProcessDied
                try:
                    result, is_alive = connection.recv(), True
                except (EOFError, ConnectionError):
                    result, is_alive = ProcessDied("its process ended before it did"), False
                following = next(waiting, _NO_TASK)
                if not is_alive or following is _NO_TASK:
                    connection.close()
                if following is not _NO_TASK:
                    give(following, connection if is_alive else new_connection())
                yield task, result
    finally:
        # They end when they ask for the next task.
        for connection in at_work:
            connection.close()
        for process in started:
            process.join()


def _serve(work: Callable[[Any], Any], connection: Connection[Any, Any]) -> None:
    # Ctrl-C reaches all processes of the group. The parent decides; running tasks are finished.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        while True:
            connection.send(work(connection.recv()))
    except (EOFError, ConnectionError):
        return
