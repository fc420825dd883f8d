"""`campaigndb cleanup`: drops old raw data."""

from __future__ import annotations

from typing import Annotated

import typer

from campaigndb.cli.connection import connected
from campaigndb.cli.failures import CommandFailure
from campaigndb.cli.per_tenant import per_tenant
from campaigndb.cli.terminal import print_json, shown_count
from campaigndb.operations.counted import counted
from campaigndb.operations.retention import drop_raw_data, old_raw_data
from campaigndb.settings import Settings


@per_tenant
def cleanup(
    settings: Settings,
    days: Annotated[
        int | None,
        typer.Option(min=0, help="Age in days. Default: the setting CAMPAIGNDB_RAW_DATA_DAYS."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show the amount; change nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Drop the raw data of campaigns that were completed this many days ago or earlier.

    The scraper's records, the enrichment items and the verifiers' answers are removed. The columns
    that were filled from them stay. Other users are not blocked. Connect as the tables' owner.

    Exit code 0: done, or nothing to do; 2: it could not run, or no age is set.
    """
    age = settings.raw_data_days if days is None else days
    if age is None:
        raise CommandFailure("no age is set: --days 30, or CAMPAIGNDB_RAW_DATA_DAYS=30")
    with connected(settings) as engine:
        if dry_run:
            found = old_raw_data(engine, age, settings.schema_name)
            if as_json:
                print_json({each.table: {"rows": each.rows, "bytes": each.size} for each in found})
                return
            for each in found:
                size = each.size / 1_000_000
                print(f"{each.table}: {counted(each.rows, 'row')}, about {size:,.1f} MB")
            return
        with shown_count("rows") as show:
            dropped = drop_raw_data(engine, age, settings.schema_name, on_progress=show)
    if as_json:
        print_json(dropped)
        return
    for table, rows in dropped.items():
        print(f"{table}: {counted(rows, 'row')} emptied")
