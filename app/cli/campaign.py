"""`campaigndb campaign`: create campaigns and look at them."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import func, select

from app import CampaignStore
from app.cli.connection import connected
from app.cli.failures import CommandFailure
from app.cli.terminal import UUID_WIDTH, cell, new_table, output_console, print_json, print_rows
from app.table_reading import reading_tables
from app.tables import api_costs, campaign_coverage, campaigns
from app.tables.campaigns import COST_TOTALS, COUNTERS
from app.tables.metadata import CAMPAIGN_STATUSES, COVERAGE_PROFILES
from app.wording import counted

app = typer.Typer(no_args_is_help=True, help="Create campaigns and look at them.")

AsJson = Annotated[bool, typer.Option("--json", help="For machines; money as exact text.")]

LISTED = (
    "id",
    "name",
    "status",
    "actual_zip_count",
    "total_businesses_found",
    "total_emails_found",
    "actual_cost",
    "created_at",
)
# Headings where the column's name says too much for a narrow table.
HEADINGS = {
    "actual_zip_count": "ZIPs",
    "total_businesses_found": "businesses",
    "total_emails_found": "emails",
    "actual_cost": "cost (USD)",
    "created_at": "created",
}


@app.command()
def create(
    name: Annotated[str, typer.Option(help="The campaign's name.")],
    zip_codes: Annotated[
        list[str] | None, typer.Option("--zip", help="A ZIP code to cover; may be repeated.")
    ] = None,
    zip_file: Annotated[
        Path | None,
        typer.Option(help="A file of ZIP codes, one a line; lines that start with # are none."),
    ] = None,
    keywords: Annotated[
        list[str] | None, typer.Option("--keyword", help="What to search for; may be repeated.")
    ] = None,
    location: Annotated[str | None, typer.Option(help="Where, in words.")] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    coverage_profile: Annotated[
        str, typer.Option(help=f"One of {', '.join(COVERAGE_PROFILES)}.")
    ] = "balanced",
    campaign_id: Annotated[
        uuid.UUID | None,
        typer.Option("--id", help="Its UUID; the same one again is the same campaign."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a campaign with its ZIP codes, all or nothing."""
    data: dict[str, Any] = {
        "id": campaign_id,
        "name": name,
        "keywords": keywords or [],
        "location": location,
        "description": description,
        "coverage_profile": coverage_profile,
    }
    zips = [*(zip_codes or []), *(_read_zip_file(zip_file) if zip_file else [])]
    with connected() as engine:
        created = CampaignStore(engine).create_campaign_with_coverage(data, zips)
    if as_json:
        print_json(
            {
                "campaign_id": created.campaign_id,
                "zip_count": created.zip_count,
                "duplicate_zip_count": created.duplicate_zip_count,
                "replayed": created.replayed,
            }
        )
        return
    done = "was there already" if created.replayed else "was created"
    covered = counted(created.zip_count, "ZIP code")
    print(f"The campaign {created.campaign_id} {done}, with {covered}.")


@app.command()
def show(
    campaign_id: Annotated[uuid.UUID, typer.Argument(metavar="ID", help="The campaign's UUID.")],
    as_json: AsJson = False,
) -> None:
    """Show everything about one campaign. Reads the tables, so connect as their owner."""
    coverage = (
        select(func.count()).where(
            campaign_coverage.c.campaign_id == campaign_id, campaign_coverage.c.scraped
        )
    ).scalar_subquery()
    entries = (select(func.count()).where(api_costs.c.campaign_id == campaign_id)).scalar_subquery()
    query = select(
        campaigns, coverage.label("scraped_zip_count"), entries.label("cost_entries")
    ).where(campaigns.c.id == campaign_id)
    with connected() as engine, reading_tables(engine) as connection:
        row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise CommandFailure(f"there is no campaign {campaign_id}")
    if as_json:
        print_json(dict(row))
        return
    table = new_table("", "")
    for name, value in row.items():
        if value is not None and value != []:
            table.add_row(name.replace("_", " "), cell(value))
    table.show_header = False
    console = output_console()
    # Names are folded before the id is.
    table.columns[0].max_width = max(8, console.width - UUID_WIDTH - 5)
    console.print(table)


@app.command("list")
def list_campaigns(
    limit: Annotated[int, typer.Option(min=0, help="At most so many; 0: all.")] = 100,
    status: Annotated[
        str | None, typer.Option(help=f"Only those: {', '.join(CAMPAIGN_STATUSES)}.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List campaigns, the newest first. Reads the tables, so connect as their owner."""
    if status is not None and status not in CAMPAIGN_STATUSES:
        raise typer.BadParameter(f"one of {', '.join(CAMPAIGN_STATUSES)}", param_hint="--status")
    columns = (*LISTED, *COUNTERS, *COST_TOTALS) if as_json else LISTED
    query = select(*[campaigns.c[column] for column in dict.fromkeys(columns)])
    count = select(func.count()).select_from(campaigns)
    if status is not None:
        query, count = (q.where(campaigns.c.status == status) for q in (query, count))
    query = query.order_by(campaigns.c.created_at.desc(), campaigns.c.id)
    with connected() as engine, reading_tables(engine) as connection:
        total = connection.execute(count).scalar_one()
        rows = connection.execute(query.limit(limit) if limit else query).mappings().all()
    if as_json:
        print_json([dict(row) for row in rows])
        return
    numbers = ("ZIPs", "businesses", "emails", "cost (USD)")
    if rows:
        print_rows(
            [HEADINGS.get(column, column) for column in LISTED],
            [[row[column] for column in LISTED] for row in rows],
            right=numbers,
            less_important=("created", "emails", "ZIPs", "cost (USD)", "businesses", "status"),
        )
    shown = f"{len(rows):,} of " if len(rows) < total else ""
    print(f"{shown}{counted(total, 'campaign')}")


def _read_zip_file(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise CommandFailure(f"{path} is not UTF-8") from None
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
