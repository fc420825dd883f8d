"""`campaigndb campaign`: creates and manages campaigns."""

from __future__ import annotations

import datetime
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import func, select

from campaigndb.cli.connection import connected, connected_store
from campaigndb.cli.failures import INTERRUPTED, CommandFailure
from campaigndb.cli.terminal import (
    TABLE_ROWS,
    UUID_WIDTH,
    cell,
    money,
    new_table,
    output_console,
    print_json,
    print_json_list,
    print_rows,
    printable,
    shown_count,
)
from campaigndb.operations.counted import counted
from campaigndb.operations.owner_reading import reading_tables
from campaigndb.operations.retention import delete_campaign
from campaigndb.tables import api_costs, businesses, campaign_coverage, campaigns, exports
from campaigndb.tables.campaigns import COST_TOTALS, COUNTERS
from campaigndb.tables.metadata import CAMPAIGN_STATUSES, COVERAGE_PROFILES

app = typer.Typer(no_args_is_help=True, help="Create and manage campaigns.")

CampaignId = Annotated[uuid.UUID, typer.Argument(metavar="ID", help="The campaign's UUID.")]
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
# Maximum number of exports that `show` lists, the newest first.
EXPORTS_SHOWN = 20
# Short headings for narrow tables.
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
        typer.Option(help="A file with one ZIP code a line; lines that start with # are comments."),
    ] = None,
    keywords: Annotated[
        list[str] | None, typer.Option("--keyword", help="What to search for; may be repeated.")
    ] = None,
    location: Annotated[str | None, typer.Option(help="The location, in words.")] = None,
    description: Annotated[str | None, typer.Option(help="A description.")] = None,
    coverage_profile: Annotated[
        str, typer.Option(help=f"One of {', '.join(COVERAGE_PROFILES)}.")
    ] = "balanced",
    campaign_id: Annotated[
        uuid.UUID | None,
        typer.Option("--id", help="The campaign's UUID. Repeating it creates no second campaign."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a campaign with its ZIP codes, in one transaction."""
    data: dict[str, Any] = {
        "id": campaign_id,
        "name": name,
        "keywords": keywords or [],
        "location": location,
        "description": description,
        "coverage_profile": coverage_profile,
    }
    zips = [*(zip_codes or []), *(_read_zip_file(zip_file) if zip_file else [])]
    with connected_store() as store:
        created = store.create_campaign_with_coverage(data, zips)
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
    campaign_id: CampaignId,
    as_json: AsJson = False,
) -> None:
    """Show everything about one campaign. Reads the tables: connect as their owner."""
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
        logged = connection.execute(
            select(*[column for column in exports.c if column.name != "campaign_id"])
            .where(exports.c.campaign_id == campaign_id)
            .order_by(exports.c.exported_at.desc(), exports.c.id)
            .limit(EXPORTS_SHOWN)
        ).mappings()
        shown = [dict(each) for each in logged]
    if row is None:
        raise CommandFailure(f"there is no campaign {campaign_id}")
    if as_json:
        print_json({**row, "exports": shown})
        return
    table = new_table("", "")
    for name, value in row.items():
        if value is not None and value != []:
            table.add_row(name.replace("_", " "), cell(value))
    for each in shown:
        table.add_row("exported", cell(_export_line(each)))
    table.show_header = False
    console = output_console()
    # The names are folded rather than the id.
    table.columns[0].max_width = max(8, console.width - UUID_WIDTH - 5)
    console.print(table)


@app.command("list")
def list_campaigns(
    limit: Annotated[
        int, typer.Option(min=0, help="Maximum number of campaigns (0 = no limit).")
    ] = 100,
    status: Annotated[
        str | None,
        typer.Option(help=f"Only campaigns with this status: {', '.join(CAMPAIGN_STATUSES)}."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List campaigns, the newest first. Reads the tables: connect as their owner."""
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
        # A server-side cursor: the rows pass through, so memory does not grow with their number.
        rows = connection.execution_options(yield_per=TABLE_ROWS).execute(
            query.limit(limit) if limit else query
        )
        if as_json:
            print_json_list(dict(row) for row in rows.mappings())
            return
        if total:
            print_rows(
                [HEADINGS.get(column, column) for column in LISTED],
                rows,
                right=("ZIPs", "businesses", "emails", "cost (USD)"),
                less_important=("created", "emails", "ZIPs", "cost (USD)", "businesses", "status"),
            )
    shown = f"{limit:,} of " if 0 < limit < total else ""
    print(f"{shown}{counted(total, 'campaign')}")


@app.command()
def pause(campaign_id: CampaignId) -> None:
    """Pause a campaign. Claims return nothing until it is resumed."""
    _set_status(campaign_id, "paused")


@app.command()
def resume(campaign_id: CampaignId) -> None:
    """Start a campaign, or resume a paused one."""
    _set_status(campaign_id, "running")


@app.command()
def complete(campaign_id: CampaignId) -> None:
    """Complete a campaign. Claims return nothing any more."""
    _set_status(campaign_id, "completed")


@app.command("delete")
def delete_campaign_of_id(
    campaign_id: CampaignId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Delete a campaign with its businesses, costs and exports, in small transactions.

    The campaign is completed first. If the deletion is interrupted, run the same command again to
    continue it. Connect as the tables' owner.
    """
    with connected_store() as store:
        found = store.get_campaign(campaign_id)
        with reading_tables(store.engine) as connection:
            total = connection.execute(
                select(func.count()).where(businesses.c.campaign_id == campaign_id)
            ).scalar_one()
        what = f"{printable(found.name)} with {counted(total, 'business', 'businesses')}"
        if not yes:
            if not sys.stdin.isatty():
                raise CommandFailure(f"{what}: --yes deletes it without asking")
            if not typer.confirm(f"Delete {what}? It cannot be undone.", err=True):
                raise CommandFailure("nothing was deleted")
        try:
            with shown_count("businesses", total) as show:
                delete_campaign(store.engine, campaign_id, on_progress=show)
        except KeyboardInterrupt:
            raise CommandFailure(
                "interrupted: the same command again goes on where it stopped", INTERRUPTED
            ) from None
    print(f"{what} is deleted.")


@app.command()
def budget(
    campaign_id: CampaignId,
    usd: Annotated[
        str, typer.Argument(metavar="USD", help="For example 100.00; `none` for no limit.")
    ],
) -> None:
    """Set a campaign's budget. Claims stop before it is exceeded; costs are still recorded."""
    with connected_store() as store:
        set_to = store.update_campaign_budget(campaign_id, None if usd == "none" else usd)
    if set_to.budget_usd is None or set_to.budget_left is None:
        print(f"{campaign_id} has no budget; {money(set_to.spent)} USD are spent.")
        return
    print(
        f"{campaign_id} has a budget of {money(set_to.budget_usd)} USD:"
        f" {money(set_to.spent)} spent, {money(set_to.reserved)} reserved,"
        f" {money(set_to.budget_left)} left."
    )


def _set_status(campaign_id: uuid.UUID, status: str) -> None:
    with connected_store() as store:
        store.update_campaign_status(campaign_id, status)
    print(f"{campaign_id} is {status}.")


def _export_line(export: Mapping[str, Any]) -> str:
    """One line for an export: time, number of leads, format, user and filter."""
    time = export["exported_at"].astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    layout = export["format"] + (f" for {export['preset']}" if export["preset"] else "")
    conditions = ", ".join(f"{key}={value}" for key, value in export["filter"].items())
    leads = counted(export["leads"], "lead")
    return f"{time}: {leads} as {layout} by {export['exported_by']} ({conditions or 'all'})"


def _read_zip_file(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise CommandFailure(f"{path} is not UTF-8") from None
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
