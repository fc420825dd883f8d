"""Independent tasks, several at once, each in one of a few processes.

For work that a process can do only once at a time: Alembic keeps what it works on in its modules.
A task that fails, or whose process dies, is told, and the others go on.
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


class ProcessDied(Exception):
    """The process ended before its task did."""


def in_processes(
    work: Callable[[T], R], tasks: Iterable[T], processes: int, *, preload: str
) -> Iterator[tuple[T, R | ProcessDied]]:
    """Each task with what `work` makes of it, in the order in which they end.

    Args:
        work: a module's own function; whatever it raises ends its process.
        tasks: taken one by one as processes become free.
        processes: how many work at once.
        preload: the module to import once for all of them.

    Where the caller stops early, tasks at work are finished and no other is begun.
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
        with contextlib.suppress(ConnectionError):  # to be seen when its answer is read
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
                following = next(waiting, _NONE)
                if not isinstance(following, _Nothing) and is_alive:
                    give(following, connection)
                else:
                    connection.close()
                    if not isinstance(following, _Nothing):
                        give(following, new_connection())
                yield task, result
    finally:
        # Their next look for a task finds nobody.
        for connection in at_work:
            connection.close()
        for process in started:
            process.join()


class _Nothing:
    """There is no task left."""


_NONE = _Nothing()


def _serve(work: Callable[[Any], Any], connection: Connection[Any, Any]) -> None:
    # Ctrl-C reaches the whole group: the parent decides, and what is at work is finished.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        while True:
            connection.send(work(connection.recv()))
    except (EOFError, ConnectionError):
        return
