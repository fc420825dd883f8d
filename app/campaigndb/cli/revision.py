"""`campaigndb revision`: writes a revision, with frozen copies of changed functions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from campaigndb.cli.failures import FOUND_SOMETHING, CommandFailure
from campaigndb.cli.terminal import notice
from campaigndb.embedded_server import temporary_server
from campaigndb.migrations import checksums
from campaigndb.migrations.revise import changed_functions, write_revision
from campaigndb.settings import get_settings


def revision(
    message: Annotated[
        str | None, typer.Argument(metavar="MESSAGE", help="What changes, in a few words.")
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Only check whether functions changed; exit code 1 if so."),
    ] = False,
) -> None:
    """Write the next revision: changed tables, and frozen copies of changed functions.

    The tables are compared on a temporary server. Read and complete the new revision, then run
    `campaigndb history seal`.
    """
    if check:
        _check()
        return
    message = " ".join((message or "").split())
    if not message:
        raise typer.BadParameter("say what changes", param_hint="MESSAGE")
    with temporary_server(get_settings()) as server:
        written = write_revision(message, server.url)
    _format(written[0])
    checksums.add(written)
    for path in written:
        print(os.path.relpath(path))


def _check() -> None:
    changes = changed_functions()
    for change in changes:
        since = f"changed since {change.previous}" if change.previous else "is new"
        print(f"{change.name} {since}")
    if changes:
        print("The revision for them is missing: campaigndb revision MESSAGE")
        raise typer.Exit(FOUND_SOMETHING)
    print("Every function is as its latest frozen copy.")


def _format(path: Path) -> None:
    """Formats the revision, and removes imports and statements that it does not need."""
    beside = Path(sys.executable).with_name("ruff")
    ruff = str(beside) if beside.exists() else shutil.which("ruff")
    if ruff is None:
        notice(f"ruff is not installed: format {path.name} yourself")
        return
    unneeded = "F401,I,PIE790"  # imports, their order, pass
    for arguments in (["check", "--fix", "--quiet", "--select", unneeded], ["format", "--quiet"]):
        done = subprocess.run(
            [ruff, *arguments, str(path)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise CommandFailure(f"{path} was written, but ruff failed: {done.stderr}")
