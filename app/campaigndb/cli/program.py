"""Runs a command-line program. Every failure is one line on stderr and an exit code."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from campaigndb.cli.failures import CommandFailure, describe


@dataclass
class GlobalOptions:
    """Options before the command's name."""

    debug: bool = False


def run_program(
    command: Any, program: str, arguments: Sequence[str], options: GlobalOptions | None = None
) -> int:
    """Runs a Typer command with these arguments; returns the exit code."""
    options = options or GlobalOptions()
    exit_code = 0
    try:
        if sys.stdout is None:
            raise CommandFailure("the standard output is closed")
        try:
            with command.make_context(program, list(arguments), obj=options) as context:
                command.invoke(context)
        except typer.Exit as end:
            exit_code = end.exit_code
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        if isinstance(error, SystemExit):
            if not isinstance(error.__context__, BrokenPipeError):
                raise
            error = error.__context__  # Rich turns it into an exit
        if options.debug:
            traceback.print_exc()
        if isinstance(error, BrokenPipeError):
            _discard_output()
        line, exit_code = describe(error)
        if line:
            with contextlib.suppress(OSError):
                print(f"{program}: {line}", file=sys.stderr)
    return exit_code


def _discard_output() -> None:
    """Discards buffered output. It has no reader, so flushing it at exit would fail again."""
    with contextlib.suppress(OSError, ValueError), Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
