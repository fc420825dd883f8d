"""`python -m benchmarks`: each stored function measured beside its alternatives."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, NoReturn

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from benchmarks.database import bench_database
from benchmarks.figures import Figure
from benchmarks.functions import BENCHMARKS, NAMED_ONLY
from benchmarks.machine import describe_machine
from benchmarks.report import print_report
from benchmarks.run import Bench
from campaigndb.cli.per_tenant import per_tenant
from campaigndb.cli.program import run_program
from campaigndb.cli.terminal import error_console, print_json
from campaigndb.operations.printable import printable
from campaigndb.settings import Settings, sqlalchemy_url
from examples.helsinki.interruption import Interrupted, interruptible, undisturbed

PROGRAM = "benchmarks"

app = typer.Typer(
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    pretty_exceptions_enable=False,
)


def bench(
    settings: Settings,
    as_json: Annotated[
        bool, typer.Option("--json", help="For machines: a list of figures.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Only this function; may be given more than once. Also tenants and ledger_size "
            "and planner_statistics, which are left out else.",
        ),
    ] = None,
    rounds: Annotated[
        int, typer.Option(min=1, help="How often everything is measured; crowds thrice at most.")
    ] = 5,
    quick: Annotated[
        bool, typer.Option("--quick", help="See that it works: little data, meaningless figures.")
    ] = False,
    large: Annotated[
        bool,
        typer.Option(
            "--large",
            help="With a ledger of 10,000,000 costs: minutes, 4 GB of disk; with 1,000 tenants.",
        ),
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(help="Measure on this server, as a role that may create databases and roles."),
    ] = None,
    server_setting: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A setting of PostgreSQL for the own server."),
    ] = None,
) -> None:
    """Measure each stored function beside its alternatives, on a server started for it.

    The server writes to disk as one in production does. The database is dropped afterwards; on
    the server that --url names too. Ratios compare with the baseline of the same group of
    figures: of milliseconds, less is faster; of calls per second, more. A target that is missed
    says MISSED; the exit code is 0 all the same. What was measured before an interruption is
    printed. A tenant's figures are of a schema of its name in that database, not of its own data.
    """
    names = _names(only)
    server_url = _server_url(url)
    server_settings = _server_settings(server_setting, server_url)
    figures: list[Figure] = []
    machine = ""
    interruption: Interrupted | None = None
    try:
        with interruptible(), _progress(len(names)) as progress:
            progress.tell("starting PostgreSQL")
            with undisturbed(
                bench_database(server_url, server_settings, settings.schema_name)
            ) as database:
                machine = describe_machine(database.owner_engine)
                run = Bench(database, 1 if quick else rounds, quick, large, progress.tell)
                for name in names:
                    figures += _EVERY[name](run)
                    progress.advance()
    except Interrupted as interrupted:
        _say("interrupted")
        interruption = interrupted
    if as_json:
        print_json([figure.as_json() | {"machine": machine} for figure in figures])
    elif figures:
        print_report(figures)
    if interruption is not None:
        raise interruption


app.command()(per_tenant(bench))


def main() -> NoReturn:
    """Runs `python -m benchmarks`."""
    try:
        sys.exit(run_program(typer.main.get_command(app), PROGRAM, sys.argv[1:]))
    except Interrupted as interrupted:
        sys.exit(interrupted.exit_code)


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


def _say(text: str) -> None:
    print(f"{PROGRAM}: {printable(text)}", file=sys.stderr)


class _Teller:
    """Says on stderr what is being measured: a line that changes, or lines where none can."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=total)

    def tell(self, what: str) -> None:
        if self._progress.console.is_terminal:
            self._progress.update(self._task, description=what)
        else:
            _say(what)

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
