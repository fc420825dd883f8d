"""`campaigndb adopt`: copies campaigns from tables of the older design."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.engine import URL

from campaigndb.cli.connection import connected
from campaigndb.cli.failures import CommandFailure
from campaigndb.cli.terminal import money, print_rows, printable
from campaigndb.database import single_use_engine
from campaigndb.operations.adoption import Adoption, AdoptionError, Untaken
from campaigndb.operations.adoption import adopt as run_adoption
from campaigndb.operations.adoption.mapping import TABLES
from campaigndb.operations.counted import counted
from campaigndb.settings import check_address, get_settings, sqlalchemy_url

SHOWN = 20


def adopt(
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="SCHEMA|URL",
            help="A schema of this database, or the address of another one.",
        ),
    ],
    source_schema: Annotated[
        str, typer.Option(help="The schema of the tables in another database.")
    ] = "public",
    yes: Annotated[
        bool, typer.Option("--yes", help="Write the result. Default: only show it.")
    ] = False,
    untaken: Annotated[
        Path | None,
        typer.Option(
            "--list", metavar="FILE", help="Write all rows that are not taken to this file, as CSV."
        ),
    ] = None,
) -> None:
    """Copy campaigns, businesses and costs from existing tables of the older design.

    The tables must have the same names as ours. Values that ours refuse become null and are kept in
    the row's raw data, as are columns that we do not have. Of several rows for one place or one
    business, the newest is taken. Totals are rebuilt from the ledger. Everything is one
    transaction, which is committed only with --yes. Running it again takes what is new. Connect as
    the tables' owner.
    """
    settings = get_settings()
    is_url = "://" in source
    with connected(settings) as target:
        if not is_url and source == settings.schema_name:
            raise CommandFailure(
                f"the schema {source} is where the tables are to go: rename the older one first"
                f" (alter schema {source} rename to original), migrate, and adopt from there"
            )
        elsewhere = single_use_engine(_address(source)) if is_url else target
        try:
            found = run_adoption(
                elsewhere,
                source_schema if is_url else source,
                target,
                settings.schema_name,
                keep=yes,
            )
        except AdoptionError as error:
            raise CommandFailure(f"{error}; nothing was changed") from None
    _print(found)
    if untaken is not None:
        _write(untaken, found.untaken)
    print("Kept." if yes else "Nothing was written: --yes keeps it.")


def _address(source: str) -> URL:
    try:
        check_address(source)
    except ValueError as error:
        raise CommandFailure(f"--from: {error}") from None
    return sqlalchemy_url(source)


def _print(found: Adoption) -> None:
    left = {table.name: 0 for table in TABLES}
    for row in found.untaken:
        left[row.table] += 1
    print_rows(
        ["table", "read", "taken", "there before", "not taken"],
        [
            [
                name,
                f"{found.read[name]:,}",
                f"{found.taken[name]:,}",
                f"{found.there[name]:,}",
                f"{left[name]:,}",
            ]
            for name in left
        ],
    )
    _print_list(
        "Totals that differed from their ledger",
        (
            f"{printable(total.campaign)} ({total.campaign_id}): {total.column} was"
            f" {money(total.was)}, is {money(total.ledger)}"
            for total in found.totals
        ),
    )
    _print_list(
        "Values that were not taken as they are",
        (
            f"{table}.{column} {why}: {n:,}"
            for (table, column, why), n in sorted(found.changed.items())
        ),
    )
    _print_list(
        "Columns that are kept in the raw data",
        (
            f"{table}.{column}: {counted(n, 'value')}"
            for (table, column), n in sorted(found.kept.items())
        ),
    )
    _print_list(
        "Columns that are not kept",
        (
            f"{table}.{column}: {counted(n, 'value')}"
            for (table, column), n in sorted(found.lost.items())
        ),
    )
    _print_list(
        "Rows that were not taken",
        (f"{row.table} {printable(row.id)}: {row.reason}" for row in found.untaken),
    )


def _print_list(title: str, lines: Iterable[str]) -> None:
    listed = list(lines)
    if listed:
        print(f"\n{title}:")
        for line in listed[:SHOWN]:
            print(f"  {line}")
        if len(listed) > SHOWN:
            print(f"  and {len(listed) - SHOWN:,} more")


def _write(path: Path, rows: Iterable[Untaken]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["table", "id", "reason"])
        writer.writerows([row.table, row.id, row.reason] for row in rows)
