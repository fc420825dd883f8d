"""Live progress: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from examples.helsinki.jobs import JOBS

LINE_EVERY_SECONDS = 2.0


@dataclass(frozen=True)
class State:
    """What is known of one process; `total` is None until there is something to do."""

    done: int = 0
    total: int | None = None
    calls: int = 0
    retries: int = 0
    has_finished: bool = False


class ProgressView(Protocol):
    """Shows the state of a process."""

    def show(self, name: str, state: State) -> None: ...


@contextmanager
def progress_view(console: Console) -> Iterator[ProgressView]:
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed:>4.0f}/{task.fields[of]}"),
        TextColumn("{task.fields[calls]:>4} calls"),
        TextColumn("{task.fields[retries]:>3} retries"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, refresh_per_second=12) as progress:
        yield _Bars(progress)


class _Bars:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        width = max(map(len, JOBS))
        self._tasks: dict[str, TaskID] = {
            name: progress.add_task(f"{name:<{width}}", total=None, of="   ?", calls=0, retries=0)
            for name in JOBS
        }

    def show(self, name: str, state: State) -> None:
        self._progress.update(
            self._tasks[name],
            completed=state.done,
            # A bar that ends before its process does would promise too much.
            total=state.done if state.has_finished else state.total,
            of="   ?" if state.total is None else f"{state.total:<4}",
            calls=state.calls,
            retries=state.retries,
        )
        if state.has_finished:
            self._progress.stop_task(self._tasks[name])


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        now = time.monotonic()
        self._shown_at = dict.fromkeys(JOBS, now)

    def show(self, name: str, state: State) -> None:
        now = time.monotonic()
        if not state.has_finished and now - self._shown_at[name] < LINE_EVERY_SECONDS:
            return
        self._shown_at[name] = now
        total = "?" if state.total is None else state.total
        self._console.print(
            f"{name}: {state.done}/{total}, {state.calls} calls, {state.retries} retries"
            + (", finished" if state.has_finished else "")
        )
