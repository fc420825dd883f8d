"""The entry point: the commands, and what becomes of their failures."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from app.cli import campaign, db, history, rollout, tenant
from app.cli.bench import bench
from app.cli.demo import demo
from app.cli.drift import drift
from app.cli.failures import CommandFailure, describe
from app.cli.import_file import import_file
from app.cli.reconcile import reconcile
from app.cli.report import report
from app.cli.revision import revision
from app.cli.stats import stats

PROGRAM = "campaigndb"
DEBUG_VARIABLE = "CAMPAIGNDB_DEBUG"
COMPLETION_VARIABLE = "_CAMPAIGNDB_COMPLETE"


@dataclass
class GlobalOptions:
    """What is said before the command's name."""

    debug: bool = False


app = typer.Typer(
    name=PROGRAM,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done; 1 found something (see the command); 2 could not run; "
    "130 interrupted; 141 the output was not read to its end.",
)
app.add_typer(db.app, name="db")
app.add_typer(campaign.app, name="campaign")
app.add_typer(history.app, name="history")
app.add_typer(rollout.app, name="rollout")
app.add_typer(tenant.app, name="tenant")
app.command("import")(import_file)
app.command()(reconcile)
app.command()(drift)
app.command()(stats)
app.command()(report)
app.command()(revision)
app.command()(demo)
app.command()(bench)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"{PROGRAM} {importlib.metadata.version(PROGRAM)}")
        raise typer.Exit


@app.callback()
def main(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
    debug: Annotated[
        bool,
        typer.Option(
            "--debug", envvar=DEBUG_VARIABLE, help="Show the traceback of whatever goes wrong."
        ),
    ] = False,
) -> None:
    """A campaign database: its server, its schema, its campaigns, its costs.

    The database is the one that DATABASE_URL names; without it, an embedded PostgreSQL server
    that is started on demand.
    """
    context.ensure_object(GlobalOptions).debug = debug


def run_command(arguments: Sequence[str]) -> int:
    """Runs one command; its exit code. A failure is one line on stderr."""
    command = typer.main.get_command(app)
    options = GlobalOptions()
    exit_code = 0
    try:
        if sys.stdout is None:
            raise CommandFailure("the standard output is closed")
        try:
            with command.make_context(PROGRAM, list(arguments), obj=options) as context:
                command.invoke(context)
        except typer.Exit as end:
            exit_code = end.exit_code
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - every failure is one line
        if options.debug:
            traceback.print_exc()
        if isinstance(error, BrokenPipeError):
            _discard_output()
        line, exit_code = describe(error)
        if line:
            with contextlib.suppress(OSError):
                print(f"{PROGRAM}: {line}", file=sys.stderr)
    return exit_code


def _discard_output() -> None:
    """What is still buffered has no reader: flushing it at exit would fail again."""
    with contextlib.suppress(OSError, ValueError), Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def run() -> NoReturn:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        # What a terminal's encoding lacks must not end a command.
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    if COMPLETION_VARIABLE in os.environ:  # a shell asks what may follow
        app(prog_name=PROGRAM)
    sys.exit(run_command(sys.argv[1:]))
