"""The demo as `campaigndb demo` runs and shows it."""

from __future__ import annotations

import os
import time
import uuid
from dataclasses import replace
from decimal import Decimal
from typing import Any

import psycopg
import typer
from rich.console import Console
from sqlalchemy import create_engine, select
from sqlalchemy.exc import SQLAlchemyError

from app import StoredFunctionError
from app.cli.failures import COULD_NOT_RUN, FOUND_SOMETHING
from app.demo.crew import Assignment, Crew, Finished, crew_at_work, merged, one_line
from app.demo.database import DATABASE, DemoDatabase, demo_database
from app.demo.errors import DemoError
from app.demo.interruption import Interrupted, interruptible, undisturbed
from app.demo.jobs import EMAIL_VERIFIER, JOBS
from app.demo.measured_store import Latencies, MeasuredStore
from app.demo.places import by_zip_code, read_places
from app.demo.progress import State, progress_view
from app.demo.report import Outcome, print_report
from app.drift import find_drift
from app.embedded_server import EmbeddedServerError, running
from app.reconciliation import Reconciliation, reconcile
from app.settings import get_settings
from app.tables import campaigns
from app.tables.campaigns import SERVICE_COST_COLUMNS
from app.wording import counted

PAGE_SIZE = 100
# Wide enough for the table of calls where no terminal says how wide it is.
PLAIN_WIDTH = 100


def demo(limit: int | None = None, keep: bool = False) -> None:
    """What `campaigndb demo` does: its options are explained in `app/cli/demo.py`."""
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PLAIN_WIDTH
    try:
        with interruptible():
            outcome = _run(console, limit, keep)
    except Interrupted as interrupted:
        typer.echo("demo: interrupted; its processes have ended", err=True)
        raise typer.Exit(interrupted.exit_code) from None
    except (
        DemoError,
        EmbeddedServerError,
        StoredFunctionError,
        SQLAlchemyError,
        psycopg.Error,
    ) as error:
        typer.echo(f"demo: {one_line(error)}", err=True)
        raise typer.Exit(COULD_NOT_RUN) from None
    if not outcome.is_clean:
        raise typer.Exit(FOUND_SOMETHING)


def _run(console: Console, limit: int | None, keep: bool) -> Outcome:
    console.print("Starting PostgreSQL ...", style="dim")
    with (
        undisturbed(running(get_settings())) as server_url,
        undisturbed(demo_database(server_url, keep=keep)) as database,
    ):
        outcome = _work_on_campaign(console, database, limit)
        print_report(console, outcome)
    if keep:
        console.print(f"kept: the database {DATABASE} on the embedded server")
    return outcome


def _work_on_campaign(console: Console, database: DemoDatabase, limit: int | None) -> Outcome:
    places = read_places(limit)
    zip_codes = by_zip_code(places)
    engine = create_engine(database.app_url)
    try:
        store = MeasuredStore(engine, schema=database.settings.schema_name)
        campaign = store.create_campaign_with_coverage(
            {
                "name": "Helsinki",
                "description": "Businesses of central Helsinki",
                "keywords": ["restaurant", "shop"],
                "location": "Helsinki, Finland",
                "coverage_profile": "custom",
                "custom_zip_codes": list(zip_codes),
                "status": "running",
            },
            [{"zip_code": zip_code, "max_results": 1000} for zip_code in zip_codes],
        )
        console.print(
            f"Helsinki: {counted(len(places), 'place')}"
            f" in {counted(campaign.zip_count, 'postal code')}, "
            f"{len(JOBS)} processes on one campaign\n"
        )
        assignment = Assignment(
            database.app_url, database.settings.schema_name, campaign.campaign_id, limit
        )
        with crew_at_work(assignment) as crew:
            latencies, retries, seconds = _follow(console, crew, len(places))
        statistics = store.update_campaign_statistics(campaign.campaign_id)
        waiting = {
            queue: _waiting(store, campaign.campaign_id, queue)
            for queue in ("facebook", "linkedin")
        }
    finally:
        engine.dispose()
    costs, actual_cost, reconciliation = _money(database)
    return Outcome(
        statistics=statistics,
        costs=costs,
        actual_cost=actual_cost,
        waiting=waiting,
        latencies=merged([*latencies, store.latencies]),
        retries=retries + store.retries,
        processes=len(JOBS),
        seconds=seconds,
        reconciliation=reconciliation,
        drift=find_drift(database.admin_url, database.settings),
    )


def _follow(console: Console, crew: Crew, places: int) -> tuple[list[Latencies], int, float]:
    """Shows the crew's progress; each process's latencies, the retries, and the seconds."""
    states = {name: State(total=None if name == EMAIL_VERIFIER else places) for name in JOBS}
    handed_over: dict[str, int] = {}
    latencies: list[Latencies] = []
    with progress_view(console) as view:

        def show(name: str, **changes: Any) -> None:
            states[name] = replace(states[name], **changes)
            view.show(name, states[name])

        for name, message in crew.messages():
            if isinstance(message, Finished):
                latencies.append(message.latencies)
                calls = sum(map(len, message.latencies.values()))
                show(name, calls=calls, retries=message.retries, has_finished=True)
                continue
            show(name, done=message.done, calls=message.calls, retries=message.retries)
            handed_over[name] = message.handed_over
            emails = sum(handed_over.values())
            if emails and not states[EMAIL_VERIFIER].has_finished:
                show(EMAIL_VERIFIER, total=emails)
    retries = sum(state.retries for state in states.values())
    return latencies, retries, time.perf_counter() - crew.started_at


def _waiting(store: MeasuredStore, campaign_id: uuid.UUID, queue: str) -> int:
    """How many businesses an enrichment queue still holds; nobody works on it any more."""
    waiting = 0
    while True:
        page = store.get_businesses_for_enrichment(campaign_id, queue, PAGE_SIZE, waiting)
        waiting += len(page)
        if len(page) < PAGE_SIZE:
            return waiting


def _money(database: DemoDatabase) -> tuple[dict[str, Decimal], Decimal, Reconciliation]:
    """The campaign's cost by service and in all, and whether the ledger agrees."""
    engine = create_engine(database.admin_url)
    try:
        with engine.connect() as connection:
            row = connection.execute(select(campaigns)).mappings().one()
        costs = {service: row[column] for service, column in SERVICE_COST_COLUMNS.items()}
        return costs, row["actual_cost"], reconcile(engine, database.settings.schema_name)
    finally:
        engine.dispose()
