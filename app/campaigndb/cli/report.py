"""`campaigndb report`: a page of campaigns, costs, functions, ledger and schema."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from sqlalchemy.exc import SQLAlchemyError

from campaigndb.cli.connection import connected
from campaigndb.cli.failures import CommandFailure, describe
from campaigndb.cli.per_tenant import per_tenant
from campaigndb.cli.terminal import notice, print_json
from campaigndb.embedded_server import EmbeddedServerError, database_url
from campaigndb.operations.drift import DriftReport, DriftUnknownError, ShadowError, find_drift
from campaigndb.settings import Settings

if TYPE_CHECKING:
    from campaigndb.operations.report import DriftUnknown, Figures
    from campaigndb.operations.report.figures import CampaignFigures

STANDARD_OUTPUT = Path("-")


def _check_for_all(options: dict[str, Any]) -> None:
    if options["html"] == STANDARD_OUTPUT:
        raise CommandFailure("all tenants do not fit on standard output: --html FILE")


@partial(per_tenant, check_for_all=_check_for_all)
def report(
    settings: Settings,
    one_of_all: str | None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help='The file for the page; "-" for standard output.'),
    ] = None,
    campaigns: Annotated[
        int,
        typer.Option(
            min=1, help="Number of campaigns with their own row; the others are added up."
        ),
    ] = 20,
    drift: Annotated[
        bool, typer.Option(help="Compare the schema with the migrations, which takes seconds.")
    ] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="The same figures for machines; money as exact text.")
    ] = False,
) -> None:
    """Write a self-contained HTML page: coverage, cost, funnel, functions, ledger, schema.

    It only reads, in one transaction, so that the figures agree. Reads the tables: connect as their
    owner. If drift cannot be checked, the page says why. With --all-tenants each tenant has its own
    page: report.html becomes report.NAME.html.
    """
    from campaigndb.operations.report import (  # only where it is needed
        MOST_CAMPAIGNS,
        DriftUnknown,
        read_figures,
        render_page,
    )

    if html is None and not as_json:
        raise typer.BadParameter("give --html FILE, --json or both", param_hint="--html")
    if html == STANDARD_OUTPUT and as_json:
        raise typer.BadParameter("standard output is the page's or JSON's", param_hint="--html")
    if campaigns > MOST_CAMPAIGNS:
        raise typer.BadParameter(
            f"a page shows at most {MOST_CAMPAIGNS:,} campaigns; the others are added up",
            param_hint="--campaigns",
        )
    if one_of_all is not None and html is not None:
        html = html.with_name(f"{html.stem}.{one_of_all}{html.suffix}")
    with connected(settings) as engine:
        figures = read_figures(engine, settings.schema_name, shown=campaigns)
    told: DriftReport | DriftUnknown = DriftUnknown("it was not asked for")
    if drift:
        try:
            tell = notice if sys.stderr.isatty() else lambda _: None
            told = find_drift(database_url(settings), settings, tell=tell)
        except (DriftUnknownError, EmbeddedServerError, ShadowError, SQLAlchemyError) as error:
            told = DriftUnknown(describe(error)[0])
    if as_json:
        print_json(_as_json(figures, told))
    if html is None:
        return
    page = render_page(figures, told)
    if html == STANDARD_OUTPUT:
        sys.stdout.flush()
        sys.stdout.buffer.write(page.encode())
    else:
        _write(html, page)


def _as_json(figures: Figures, drift: DriftReport | DriftUnknown) -> dict[str, Any]:
    """The content of the page."""
    total = figures.all_campaigns
    return {
        "taken_at": figures.taken_at,
        "database": figures.database,
        "schema": figures.schema,
        "campaigns": [_campaign_json(each) for each in figures.campaigns],
        "total": _campaign_json(total),
        "funnel": dataclasses.asdict(figures.funnel),
        "queues": [dataclasses.asdict(queue) for queue in figures.shown_queues],
        "other_queues": figures.other_queues,
        "costs": [
            {"begin": period.begin, "unit": figures.period_unit, **period.costs}
            for period in figures.periods
        ],
        "functions": [
            {
                "function": each.function,
                "calls": each.calls,
                "mean_seconds": each.mean_seconds,
                "budget_seconds": each.budget_seconds,
                "within_budget": each.within_budget,
            }
            for each in figures.functions
        ],
        "ledger": [dataclasses.asdict(each) for each in figures.reconciliation.discrepancies],
        "drift": [each.line for each in drift.differences]
        if isinstance(drift, DriftReport)
        else None,
        "drift_unknown": None if isinstance(drift, DriftReport) else drift.reason,
    }


def _campaign_json(campaign: CampaignFigures) -> dict[str, Any]:
    return {**dataclasses.asdict(campaign), "cost_per_lead": campaign.cost_per_lead}


def _write(path: Path, page: str) -> None:
    """Replaces the file at once, so that readers never see a part of it."""
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
            error.filename = str(path)  # the file that was asked for
        raise
