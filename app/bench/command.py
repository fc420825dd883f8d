"""The benchmarks as `campaigndb bench` runs and shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from app.bench.database import bench_database
from app.bench.figures import Figure
from app.bench.functions import BENCHMARKS, NAMED_ONLY
from app.bench.machine import describe_machine
from app.bench.report import print_report
from app.bench.run import Bench
from app.cli.terminal import error_console, notice, print_json
from app.demo.interruption import Interrupted, interruptible, undisturbed
from app.settings import Settings, sqlalchemy_url


def bench(
    settings: Settings,
    *,
    as_json: bool,
    only: Sequence[str] | None,
    rounds: int,
    quick: bool,
    large: bool,
    url: str | None,
    server_setting: Sequence[str] | None,
) -> None:
    """What `campaigndb bench` does: its options are explained in `app/cli/bench.py`."""
    names = _names(only)
    server_url = _server_url(url)
    server_settings = _server_settings(server_setting, server_url)
    figures: list[Figure] = []
    try:
        with interruptible(), _progress(len(names)) as progress:
            progress.tell("starting PostgreSQL")
            with undisturbed(
                bench_database(server_url, server_settings, settings.schema_name)
            ) as database:
                machine = describe_machine(database.owner_engine)
                run = Bench(database, 1 if quick else rounds, quick, large, progress.tell)
                for name in names:
                    figures.extend(_EVERY[name](run))
                    progress.advance()
    except Interrupted as interrupted:
        notice("interrupted")
        raise typer.Exit(interrupted.exit_code) from None
    if as_json:
        print_json([figure.as_json() | {"machine": machine} for figure in figures])
    else:
        print_report(figures)


_EVERY = {**BENCHMARKS, **NAMED_ONLY}


def _names(only: Sequence[str] | None) -> list[str]:
    for name in only or ():
        if name not in _EVERY:
            raise typer.BadParameter(f"{name} is none of {', '.join(_EVERY)}", param_hint="--only")
    return [name for name in _EVERY if name in (only or BENCHMARKS)]


def _server_url(url: str | None) -> URL | None:
    if url is None:
        return None
    # The URL may hold a password: the error must not repeat it.
    try:
        if make_url(url).get_backend_name() in ("postgresql", "postgres"):
            return sqlalchemy_url(url)
    except (ArgumentError, ValueError):
        pass
    raise typer.BadParameter("not a database URL (postgresql://user@host/name)", param_hint="--url")


def _server_settings(given: Sequence[str] | None, server_url: URL | None) -> dict[str, str]:
    if given and server_url is not None:
        raise typer.BadParameter("not together with --url", param_hint="--server-setting")
    settings = {}
    for each in given or ():
        name, equals, value = each.partition("=")
        if not name or not equals:
            raise typer.BadParameter(f"{each} is not NAME=VALUE", param_hint="--server-setting")
        settings[name] = value
    return settings


class _Teller:
    """Says on stderr what is being measured: a line that changes, or lines where none can."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=total)

    def tell(self, what: str) -> None:
        if self._progress.console.is_terminal:
            self._progress.update(self._task, description=what)
        else:
            notice(what)

    def advance(self) -> None:
        self._progress.advance(self._task)


@contextmanager
def _progress(total: int) -> Iterator[_Teller]:
    console = error_console()
    with Progress(
        MofNCompleteColumn(),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        yield _Teller(progress, total)
