"""`campaigndb drift`: compares a live database with the code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.text import Text
from sqlalchemy.exc import ArgumentError

from campaigndb.cli.failures import FOUND_SOMETHING, CommandFailure
from campaigndb.cli.per_tenant import per_tenant
from campaigndb.cli.terminal import notice, output_console, print_json, printable
from campaigndb.embedded_server import database_url
from campaigndb.operations.drift import (
    Difference,
    DriftReport,
    Pattern,
    find_drift,
    read_ignore_file,
    refuse_worker,
)
from campaigndb.operations.drift.snapshot import quoted
from campaigndb.settings import Settings, get_settings, sqlalchemy_url

SHADOW_VARIABLE = "CAMPAIGNDB_SHADOW_URL"


class Format(StrEnum):
    """The format of the output."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SQL = "sql"


def _check_for_all(_: dict[str, Any]) -> None:
    # Every tenant would be refused for this same reason.
    settings = get_settings()
    refuse_worker(database_url(settings), settings)


@partial(per_tenant, check_for_all=_check_for_all)
def drift(
    settings: Settings,
    as_json: Annotated[bool, typer.Option("--json", help="Same as --format json.")] = False,
    output_format: Annotated[
        Format,
        typer.Option(
            "--format",
            help="Lines of text, JSON, annotations for GitHub Actions, or a script "
            "with the statements that repair the drift.",
        ),
    ] = Format.TEXT,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            help='Ignore objects, given as "kind name" with * and ?: --ignore "table audit_*".',
            metavar="PATTERN",
        ),
    ] = None,
    ignore_file: Annotated[
        Path | None,
        typer.Option(
            help="File with patterns to ignore, one a line, each with its reason: pattern # why."
        ),
    ] = None,
    shadow_url: Annotated[
        str | None,
        typer.Option(
            envvar=SHADOW_VARIABLE,
            help="A database on a server of the same major version where a shadow database may be "
            "created. Default: the database's own server if its role may create databases, else "
            "the embedded server.",
        ),
    ] = None,
    keep_shadow: Annotated[
        bool,
        typer.Option(
            "--keep-shadow",
            help="Keep the shadow database for the next run, which is then faster.",
        ),
    ] = False,
    column_order: Annotated[
        bool, typer.Option("--column-order", help="Also report columns in a different order.")
    ] = False,
) -> None:
    """Compare a live database with the result of the migrations on an empty one.

    It only reads, and needs only the privilege to read the table gmaps_alembic_version. Exit code
    0: no drift; 1: drift, one line for each difference; 2: the comparison was not possible.
    """
    patterns = [Pattern(item) for item in ignore or []]
    if ignore_file is not None:
        patterns += read_ignore_file(ignore_file)
    # Typer ignores an empty variable. In a pipeline it means that a secret is missing.
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
    # A cancelled pipeline job gets SIGTERM. The shadow database is dropped nevertheless.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    _signals.clear()
    report = find_drift(
        database_url(settings),
        settings,
        ignore=patterns,
        shadow_server=server,
        keep_shadow=keep_shadow,
        column_order=column_order,
        tell=notice if sys.stderr.isatty() else lambda _: None,
    )
    if _signals:
        raise SystemExit(128 + _signals[0])
    if as_json or output_format is Format.JSON:
        _print_json(report)
    elif output_format is Format.GITHUB:
        _print_annotations(report)
    elif output_format is Format.SQL:
        _print_script(report)
    else:
        _print_text(report)
    for pattern in report.unused:
        notice(f"the pattern no longer matches: {pattern.text}")
    if report.differences:
        raise typer.Exit(FOUND_SOMETHING)


# Signals received. Python discards an exception that a handler raises during a finalizer. The
# comparison then ends as usual, and the exit code names the signal.
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
        return [
            asdict(item) | {"mend": item.mend, "diff": item.diff, "line": item.line}
            for item in differences
        ]

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
        diff = f"\n{item.diff.rstrip()}" if item.diff else ""
        print(f"::error title=Schema drift::{_escaped(item.line + mend + diff)}")
    print(_summary(report))


def _print_script(report: DriftReport) -> None:
    """Prints the statements. Definitions have unqualified names, so the search path is set."""
    print(f"-- {_summary(report)}\nset search_path to {quoted(report.schema)};")
    for item in report.differences:
        print(f"\n-- {printable(item.line)}")
        for statement in item.statements:
            is_sql = not statement.startswith(("alembic ", "campaigndb "))
            print(f"{statement};" if is_sql else f"-- {statement}")
    _notice_unexpected(report)


def _escaped(text: str) -> str:
    """Escapes a text for a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _print_text(report: DriftReport) -> None:
    console = output_console()
    colours = {"missing": "red", "unexpected": "yellow", "changed": "magenta"}
    for item in report.differences:
        line = Text(printable(item.line), style=colours[item.problem])
        if item.mend:
            line.append(f"; to mend: {printable(_one_line(item.mend))}", style="dim")
        console.print(line, soft_wrap=True)
        for changed in (item.diff or "").split("\n")[:-1]:
            style = {"-": "red", "+": "green"}.get(changed[:1], "dim")
            shown = printable(changed.expandtabs())
            console.print(Text(f"    {shown}", style=style), soft_wrap=True)
    # Standard output has only the differences, one line each, with the diffs of function bodies.
    if report.differences:
        notice(_summary(report))
        _notice_unexpected(report)
    else:
        print(_summary(report))


def _notice_unexpected(report: DriftReport) -> None:
    if any(item.problem == "unexpected" and not item.statements for item in report.differences):
        notice("unexpected objects are never dropped: not ours? name them in the ignore file")


# Longest statement that is shown in full in a line. A function's is longer.
_LONGEST_MEND = 200


def _one_line(statement: str) -> str:
    line = " ".join(statement.split())
    if len(line) <= _LONGEST_MEND:
        return line
    return f"{line[: _LONGEST_MEND - 2]} … (in full with --format sql)"
