"""`campaigndb report`: campaigns, costs, functions, ledger and schema as one page."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.exc import SQLAlchemyError

from app.cli.connection import connected
from app.cli.failures import CommandFailure, describe
from app.cli.per_tenant import per_tenant
from app.cli.terminal import notice
from app.database import database_url
from app.drift import DriftReport, DriftUnknownError, ShadowError, find_drift
from app.embedded_server import EmbeddedServerError
from app.settings import Settings

STANDARD_OUTPUT = Path("-")


def _check_for_all(options: dict[str, Any]) -> None:
    if options["html"] == STANDARD_OUTPUT:
        raise CommandFailure("all tenants do not fit on standard output: --html FILE")


@partial(per_tenant, check_for_all=_check_for_all)
def report(
    settings: Settings,
    one_of_all: str | None,
    html: Annotated[
        Path, typer.Option(metavar="FILE", help='Where to write the page; "-": standard output.')
    ],
    campaigns: Annotated[
        int, typer.Option(min=1, help="So many stand for themselves, the others are added up.")
    ] = 20,
    drift: Annotated[
        bool, typer.Option(help="Compare the schema with the migrations, which takes seconds.")
    ] = True,
) -> None:
    """Write a self-contained HTML page: coverage, cost, funnel, functions, ledger, schema.

    It only reads, in one transaction, so that the figures agree. Reads the tables, so connect as
    their owner. Whether the schema drifted may be untold; the page then says why. With
    --all-tenants each tenant has a page of its own: report.html becomes report.NAME.html.
    """
    from app.report import DriftUnknown, read_figures, render_page  # only where it is needed

    if one_of_all is not None:
        html = html.with_name(f"{html.stem}.{one_of_all}{html.suffix}")
    with connected(settings) as engine:
        figures = read_figures(engine, settings.schema_name, shown=campaigns)
    told: DriftReport | DriftUnknown = DriftUnknown("it was not asked for")
    if drift:
        try:
            told = _find_drift(settings)
        except (DriftUnknownError, EmbeddedServerError, ShadowError, SQLAlchemyError) as error:
            told = DriftUnknown(describe(error)[0])
    page = render_page(figures, told)
    if html == STANDARD_OUTPUT:
        sys.stdout.flush()
        sys.stdout.buffer.write(page.encode())
    else:
        _write(html, page)


def _find_drift(settings: Settings) -> DriftReport:
    return find_drift(
        database_url(settings), settings, tell=notice if sys.stderr.isatty() else lambda _: None
    )


def _write(path: Path, page: str) -> None:
    """The file is the earlier one or this one, never a part: who reads it meanwhile is served."""
    path = path.resolve()
    if path.exists() and not path.is_file():  # a pipe or a device cannot be replaced
        path.write_text(page, encoding="utf-8")
        return
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with unfinished.open("x", encoding="utf-8") as file:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        if isinstance(error, OSError):
            error.filename = str(path)  # the one that was asked for
        raise
