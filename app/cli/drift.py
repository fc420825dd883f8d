"""`campaigndb drift`: whether a live database still is what the code says."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.text import Text
from sqlalchemy.exc import ArgumentError

from app.cli.failures import FOUND_SOMETHING, CommandFailure
from app.cli.per_tenant import per_tenant
from app.cli.terminal import notice, output_console, print_json, printable
from app.database import database_url
from app.drift import Difference, DriftReport, Pattern, find_drift, read_ignore_file
from app.settings import Settings, sqlalchemy_url

SHADOW_VARIABLE = "CAMPAIGNDB_SHADOW_URL"


class Format(StrEnum):
    """For whom the differences are printed."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


@per_tenant
def drift(
    settings: Settings,
    as_json: Annotated[bool, typer.Option("--json", help="Same as --format json.")] = False,
    output_format: Annotated[
        Format,
        typer.Option("--format", help="Lines for people, JSON, or annotations of GitHub Actions."),
    ] = Format.TEXT,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            help='Leave out objects, as "kind name" with * and ?: --ignore "table audit_*".',
            metavar="PATTERN",
        ),
    ] = None,
    ignore_file: Annotated[
        Path | None,
        typer.Option(
            help="Patterns to leave out, one a line, each with its reason: pattern # why."
        ),
    ] = None,
    shadow_url: Annotated[
        str | None,
        typer.Option(
            envvar=SHADOW_VARIABLE,
            help="A database on a server of the same major version on which a shadow may be made. "
            "Default: the database's own server where its role may create databases, else the "
            "embedded server.",
        ),
    ] = None,
    keep_shadow: Annotated[
        bool,
        typer.Option("--keep-shadow", help="Leave the shadow for the next time, which saves most."),
    ] = False,
) -> None:
    """Compare a live database with what the migrations make of an empty one.

    It only reads, and needs no more than to read the table alembic_version. Exit code 0: no
    drift; 1: drift, one line for each difference; 2: it could not be told.
    """
    patterns = [Pattern(item) for item in ignore or []]
    if ignore_file is not None:
        patterns += read_ignore_file(ignore_file)
    # An empty variable is none to the library of options: in a pipeline it is a missing secret.
    said = os.environ.get(SHADOW_VARIABLE) if shadow_url is None else shadow_url
    if said is not None and not said.strip():
        name = SHADOW_VARIABLE if shadow_url is None else "--shadow-url"
        raise CommandFailure(f"{name}: it is set, but empty: is a secret missing?")
    try:
        server = sqlalchemy_url(shadow_url) if shadow_url else None
    except ArgumentError:
        raise CommandFailure(
            "--shadow-url is not a database URL (postgresql://user@host/name)"
        ) from None
    # A cancelled job of a pipeline gets SIGTERM: the shadow goes all the same.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    _signals.clear()
    report = find_drift(
        database_url(settings),
        settings,
        ignore=patterns,
        shadow_server=server,
        keep_shadow=keep_shadow,
        tell=notice if sys.stderr.isatty() else lambda _: None,
    )
    if _signals:
        raise SystemExit(128 + _signals[0])
    if as_json or output_format is Format.JSON:
        _print_json(report)
    elif output_format is Format.GITHUB:
        _print_annotations(report)
    else:
        _print_text(report)
    for pattern in report.unused:
        notice(f"the pattern leaves out nothing: {pattern.text}")
    if report.differences:
        raise typer.Exit(FOUND_SOMETHING)


# Python drops what a handler raises while a finalizer runs: then the comparison comes to its end,
# and tells of the signal instead of what it found.
_signals: list[int] = []


def _end(number: int, _frame: object) -> NoReturn:
    _signals.append(number)
    raise SystemExit(128 + number)


def _summary(report: DriftReport) -> str:
    count = len(report.differences)
    found = "no drift" if not count else f"{count} difference{'s' if count > 1 else ''}"
    ignored = f", {len(report.ignored)} ignored" if report.ignored else ""
    return f"schema {report.schema}, revision {report.revision}: {found}{ignored}"


def _print_json(report: DriftReport) -> None:
    def documents(differences: Sequence[Difference]) -> list[dict[str, object]]:
        return [asdict(item) | {"line": item.line} for item in differences]

    print_json(
        {
            "schema": report.schema,
            "revision": report.revision,
            "drift": bool(report.differences),
            "differences": documents(report.differences),
            "ignored": documents(report.ignored),
        }
    )


def _print_annotations(report: DriftReport) -> None:
    for item in report.differences:
        mend = f" (to mend: {_one_line(item.mend)})" if item.mend else ""
        print(f"::error title=Schema drift::{_escaped(item.line + mend)}")
    print(_summary(report))


def _escaped(text: str) -> str:
    """As a workflow command takes it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _print_text(report: DriftReport) -> None:
    console = output_console()
    colours = {"missing": "red", "unexpected": "yellow", "changed": "magenta"}
    for _, group in groupby(report.differences, key=lambda item: item.kind):
        for item in group:
            line = Text(printable(item.line), style=colours[item.problem])
            if item.mend:
                line.append(f"; to mend: {printable(_one_line(item.mend))}", style="dim")
            console.print(line, soft_wrap=True)
    # Where there is drift, standard output holds a line for each difference and nothing else.
    if report.differences:
        notice(_summary(report))
    else:
        print(_summary(report))


# A function's text is for `--json`.
_LONGEST_MEND = 200


def _one_line(statement: str) -> str:
    line = " ".join(statement.split())
    if len(line) <= _LONGEST_MEND:
        return line
    return f"{line[: _LONGEST_MEND - 2]} … (in full with --json)"
