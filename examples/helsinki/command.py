"""`python -m examples.helsinki`: the real job on real input, on the embedded server."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import uuid
from dataclasses import replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, NoReturn

import psycopg
import typer
from rich.console import Console
from sqlalchemy import create_engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from campaigndb import CampaignStore, StoredFunctionError
from campaigndb.cli.failures import COULD_NOT_RUN, FOUND_SOMETHING
from campaigndb.cli.program import run_program
from campaigndb.embedded_server import EmbeddedServerError, running
from campaigndb.operations.counted import counted
from campaigndb.operations.drift import find_drift
from campaigndb.operations.exporter import Layout, export_leads, named_columns
from campaigndb.operations.importer import import_files
from campaigndb.operations.report import Figures, read_figures
from campaigndb.settings import get_settings
from campaigndb.tables import api_costs
from examples.helsinki.crew import Assignment, Crew, Finished, crew_at_work, merged, one_line
from examples.helsinki.database import (
    APP_ROLE,
    DATABASE,
    OWNER_ROLE,
    DemoDatabase,
    demo_database,
)
from examples.helsinki.errors import DemoError
from examples.helsinki.interruption import Interrupted, interruptible, undisturbed
from examples.helsinki.jobs import JOBS, SCRAPER, Received
from examples.helsinki.measured_calls import measured_calls
from examples.helsinki.places import Place, by_zip_code, read_places
from examples.helsinki.progress import State, progress_view
from examples.helsinki.purchased_files import write_purchased_files
from examples.helsinki.report import Outcome, print_report

# The same at each run, so that a command about the campaign can be given again.
CAMPAIGN_ID = uuid.uuid5(uuid.NAMESPACE_DNS, "helsinki.demo")
# Not enough for all: it ends while emails are verified.
BUDGET_USD = Decimal("14.50")
LEADS_SHOWN = 3
LEAD_COLUMNS = "name,email,phone,postal_code,city"
# Places whose owners asked to be left out. Invented.
SUPPRESSED = slice(2, 4)
# Wide enough for the table of calls where no terminal says how wide it is.
PLAIN_WIDTH = 100


PROGRAM = "demo"

app = typer.Typer(
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def demo(
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="How many places to work on; all of them unless given."),
    ] = None,
    keep: Annotated[
        bool, typer.Option(help="Leave the demo's database for a look at it afterwards.")
    ] = False,
) -> None:
    """Work on a campaign over Helsinki with several processes at once, and check the outcome.

    Exit code 0: it is as it should be; 1: it is not; 2: the demo could not run to its end.
    """
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


def main() -> NoReturn:
    """Runs `python -m examples.helsinki`."""
    sys.exit(run_program(typer.main.get_command(app), PROGRAM, sys.argv[1:]))


def _run(console: Console, limit: int | None, keep: bool) -> Outcome:
    console.print("Starting PostgreSQL ...", style="dim")
    with (
        undisturbed(running(get_settings())) as server_url,
        undisturbed(demo_database(server_url, keep=keep)) as database,
    ):
        outcome = _work_on_campaign(console, database, limit, keep)
        print_report(console, outcome)
    if keep:
        console.print(f"kept: the database {DATABASE} on the embedded server")
    return outcome


def _work_on_campaign(
    console: Console, database: DemoDatabase, limit: int | None, keep: bool
) -> Outcome:
    places = read_places(limit)
    engine = create_engine(database.app_url)
    try:
        with measured_calls() as measured:
            store = CampaignStore(engine, schema=database.settings.schema_name)
            _create_campaign(console, store, places)
            received = _import_purchased_files(store, places)
            # The scraper brings these places again, and they stay out.
            store.suppress_contacts(
                [{"place_id": place["placeId"]} for place in places[SUPPRESSED]]
            )
            assignment = Assignment(
                database.app_url, database.settings.schema_name, CAMPAIGN_ID, limit
            )
            with crew_at_work(assignment) as crew:
                finished, seconds = _follow(console, crew, len(places))
            store.update_campaign_statistics(CAMPAIGN_ID)
            leads, leads_exported = _export(store)
            work = store.get_work_status(CAMPAIGN_ID)
    finally:
        engine.dispose()
    received += [each.done.received for each in finished if each.done.received is not None]
    figures, billed = _read_as_owner(database)
    return Outcome(
        received=received,
        done=[each.done for each in finished],
        work=work,
        figures=figures,
        billed=billed,
        latencies=merged([measured.latencies, *(each.latencies for each in finished)]),
        retries=measured.retries + sum(each.retries for each in finished),
        seconds=seconds,
        drift=find_drift(database.admin_url, database.settings),
        leads=leads,
        leads_exported=leads_exported,
        look_further=_look_further(keep),
    )


def _create_campaign(console: Console, store: CampaignStore, places: list[Place]) -> None:
    zip_codes = by_zip_code(places)
    campaign = store.create_campaign_with_coverage(
        {
            "id": CAMPAIGN_ID,
            "name": "Helsinki",
            "description": "Businesses of central Helsinki",
            "keywords": ["restaurant", "shop"],
            "location": "Helsinki, Finland",
            "coverage_profile": "custom",
            "custom_zip_codes": list(zip_codes),
        },
        [{"zip_code": zip_code, "max_results": 1000} for zip_code in zip_codes],
    )
    store.update_campaign_budget(CAMPAIGN_ID, BUDGET_USD)
    console.print(
        f"Helsinki: {counted(len(places), 'place')}"
        f" in {counted(campaign.zip_count, 'postal code')}, a budget of {BUDGET_USD} USD, "
        f"{len(JOBS)} processes on one campaign\n"
    )


def _import_purchased_files(store: CampaignStore, places: list[Place]) -> list[Received]:
    """What two files of other sources bring before the scraper begins."""
    received = []
    with tempfile.TemporaryDirectory() as folder:
        for path in write_purchased_files(Path(folder), places):
            imported = import_files(store, [path], campaign_id=CAMPAIGN_ID)
            tally = imported.tally
            if tally.rejected:
                raise DemoError(f"{path.name}: {tally.rejections[0].reason}")
            received.append(
                Received(
                    f"{path.name} ({imported.files[0].description})",
                    tally.records,
                    tally.inserted,
                    tally.records - tally.inserted,
                    tally.closed,
                )
            )
    return received


def _export(store: CampaignStore) -> tuple[list[dict[str, Any]], int]:
    """The first leads of an export, and how many it has."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "leads.jsonl")
        layout = Layout(columns=named_columns(LEAD_COLUMNS))
        exported = export_leads(store, CAMPAIGN_ID, path, file_format="jsonl", layout=layout)
        with path.open(encoding="utf-8") as lines:
            return [json.loads(line) for line in islice(lines, LEADS_SHOWN)], exported.leads


def _look_further(keep: bool) -> list[str]:
    """Commands that show the demo's database, which is there where it was kept."""
    again = [] if keep else ["make demo DEMO_ARGS=--keep"]
    return [
        *again,
        ". .venv/bin/activate",
        f'export DATABASE_URL="$(campaigndb db url --database {DATABASE})"',
        f"export CAMPAIGNDB_OWNER_ROLE={OWNER_ROLE} CAMPAIGNDB_APP_ROLE={APP_ROLE}",
        f"campaigndb work status {CAMPAIGN_ID}",
        "campaigndb report --html report.html",
        "campaigndb export Helsinki --preset spreadsheet --output leads.csv",
        "campaigndb db stop",
    ]


def _follow(console: Console, crew: Crew, places: int) -> tuple[list[Finished], float]:
    """Shows the crew's progress; the last word of each process, and the seconds it took them."""
    states = {name: State(total=places if name == SCRAPER else None) for name in JOBS}
    finished: dict[str, Finished] = {}
    with progress_view(console) as view:
        for name, message in crew.messages():
            if isinstance(message, Finished):
                finished[name] = message
                calls = sum(map(len, message.latencies.values()))
                changes: dict[str, Any] = {"calls": calls, "has_finished": True}
            else:
                changes = {"calls": message.calls, "done": message.done}
            states[name] = replace(states[name], retries=message.retries, **changes)
            view.show(name, states[name])
    return [finished[name] for name in JOBS], time.perf_counter() - crew.started_at


def _read_as_owner(database: DemoDatabase) -> tuple[Figures, dict[str, int]]:
    """What the report shows, and how many items of each service the ledger holds."""
    items = select(api_costs.c.service, func.sum(api_costs.c.items_processed))
    engine = create_engine(database.admin_url)
    try:
        with engine.connect() as connection:
            billed = {
                service: int(count)
                for service, count in connection.execute(items.group_by(api_costs.c.service))
            }
        return read_figures(engine, database.settings.schema_name), billed
    finally:
        engine.dispose()
