"""The commands. The module of a command is imported when the command is called."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from campaigndb import __version__
from campaigndb.cli.program import GlobalOptions, run_program

PROGRAM = "campaigndb"
DEBUG_VARIABLE = "CAMPAIGNDB_DEBUG"
COMPLETION_VARIABLE = "_CAMPAIGNDB_COMPLETE"

# Each command's module and its name there, in the order of the help.
COMMANDS = {
    "import": ("import_file", "import_file"),
    "adopt": ("adopt", "adopt"),
    "inspect": ("inspect_file", "inspect_file"),
    "export": ("export", "export"),
    "suppress": ("suppress", "app"),
    "unsuppress": ("suppress", "unsuppress"),
    "erase": ("erase", "erase"),
    "cleanup": ("cleanup", "cleanup"),
    "reconcile": ("reconcile", "reconcile"),
    "drift": ("drift", "drift"),
    "stats": ("stats", "stats"),
    "report": ("report", "report"),
    "revision": ("revision", "revision"),
    "db": ("db", "app"),
    "campaign": ("campaign", "app"),
    "work": ("work", "app"),
    "history": ("history", "app"),
    "rollout": ("rollout", "app"),
    "supabase": ("supabase", "app"),
    "tenant": ("tenant", "app"),
}


class _Commands(TyperGroup):
    """A group that imports a command when it is called, or when the help lists it."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # Only the names, which Typer lists and suggests. The commands follow when they are called.
        self.commands: dict[str, Any] = dict.fromkeys(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in COMMANDS and self.commands[cmd_name] is None:
            self.commands[cmd_name] = _imported(cmd_name)
        return super().get_command(ctx, cmd_name)


def _imported(name: str) -> Any:
    module, attribute = COMMANDS[name]
    command = getattr(importlib.import_module(f"campaigndb.cli.{module}"), attribute)
    holder = typer.Typer(rich_markup_mode="markdown")
    if isinstance(command, typer.Typer):
        holder.add_typer(command, name=name)
    else:
        holder.command(name)(command)
    return typer.main.get_group(holder).commands[name]


app = typer.Typer(
    cls=_Commands,
    name=PROGRAM,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done; 1 found something (see the command); 2 could not run; "
    "130 interrupted; 141 the output was not read to its end.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"{PROGRAM} {__version__}")
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
        typer.Option("--debug", envvar=DEBUG_VARIABLE, help="Show the traceback of any failure."),
    ] = False,
) -> None:
    """A campaign database: its server, its schema, its campaigns, its costs.

    DATABASE_URL names the database. Without it an embedded PostgreSQL server is used, which is
    started on demand.
    """
    context.ensure_object(GlobalOptions).debug = debug


def run_command(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit code. A failure is one line on stderr."""
    return run_program(typer.main.get_command(app), PROGRAM, arguments, GlobalOptions())


def run() -> NoReturn:
    """Runs the command line with this process's arguments."""
    for stream in (sys.stdout, sys.stderr):
        # Characters that the terminal's encoding lacks must not end a command.
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    if COMPLETION_VARIABLE in os.environ:  # a shell asks for completions
        app(prog_name=PROGRAM)
    sys.exit(run_command(sys.argv[1:]))
