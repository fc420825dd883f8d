"""`campaigndb reconcile`: the ledger of costs against every campaign's totals."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.connection import connected
from app.cli.failures import FOUND_SOMETHING
from app.cli.terminal import cell, money, new_table, output_console, print_json
from app.reconciliation import Reconciliation
from app.reconciliation import reconcile as run_reconciliation


def reconcile(
    as_json: Annotated[
        bool, typer.Option("--json", help="For machines; money as exact text.")
    ] = False,
) -> None:
    """Compare every campaign's cost totals with its ledger of costs.

    Reads the tables, so connect as their owner. Exit code 0: they agree; 1: a discrepancy; 2: it
    could not be told.
    """
    with connected() as engine:
        found = run_reconciliation(engine)
    if as_json:
        _print_json(found)
    else:
        _print_report(found)
    if found.discrepancies:
        raise typer.Exit(FOUND_SOMETHING)


def _print_json(found: Reconciliation) -> None:
    print_json(
        {
            "campaigns": found.campaigns,
            "costs": found.costs,
            "discrepancy": found.discrepancy,
            "discrepancies": [
                {
                    "campaign_id": item.campaign_id,
                    "campaign": item.campaign,
                    "what": item.what,
                    "total": item.total,
                    "ledger": item.ledger,
                    "difference": item.difference,
                }
                for item in found.discrepancies
            ],
        }
    )


def _print_report(found: Reconciliation) -> None:
    if found.discrepancies:
        numbers = ("total", "ledger", "difference")
        table = new_table("id", "campaign", "what", *numbers, right=numbers)
        for item in found.discrepancies:
            table.add_row(
                cell(item.campaign_id),
                cell(item.campaign),
                cell(item.what),
                *[cell(value) for value in (item.total, item.ledger, item.difference)],
            )
        output_console().print(table)
    print(
        f"{found.campaigns:,} campaigns, {found.costs:,} costs, "
        f"discrepancy {money(found.discrepancy)}"
    )
