"""`campaigndb reconcile`: compares cost totals with the ledger, and repairs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from campaigndb.cli.connection import connected
from campaigndb.cli.failures import FOUND_SOMETHING
from campaigndb.cli.per_tenant import per_tenant
from campaigndb.cli.terminal import money, print_json, print_rows
from campaigndb.operations.counted import counted
from campaigndb.operations.reconciliation import Reconciliation, Repair
from campaigndb.operations.reconciliation import reconcile as run_reconciliation
from campaigndb.operations.reconciliation import repair as run_repair
from campaigndb.settings import Settings


@per_tenant
def reconcile(
    settings: Settings,
    as_json: Annotated[
        bool, typer.Option("--json", help="For machines; money as exact text.")
    ] = False,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Set wrong totals to their ledger's sum, also while others write costs. Each "
            "change is recorded in gmaps_cost_repairs.",
        ),
    ] = False,
) -> None:
    """Compare every campaign's cost totals with its ledger of costs.

    Reads the tables: connect as their owner. Exit code 0: they agree; 1: a discrepancy was found,
    even if it was repaired; 2: the comparison or the repair failed.
    """
    with connected(settings) as engine:
        found = run_reconciliation(engine, settings.schema_name)
        repairs: list[Repair] | None = [] if repair else None
        try:
            if repairs is not None:
                repairs.extend(run_repair(engine, found, settings.schema_name))
        finally:  # what was repaired before a failure stays repaired
            if as_json:
                _print_json(found, repairs)
            else:
                _print_report(found, repairs)
    if found.discrepancies:
        raise typer.Exit(FOUND_SOMETHING)


def _print_json(found: Reconciliation, repairs: Sequence[Repair] | None) -> None:
    document: dict[str, Any] = {
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
    if repairs is not None:
        document["repairs"] = [asdict(item) for item in repairs]
    print_json(document)


def _print_report(found: Reconciliation, repairs: Sequence[Repair] | None) -> None:
    if found.discrepancies:
        numbers = ("total", "ledger", "difference")
        print_rows(
            ("id", "campaign", "what", *numbers),
            [
                (x.campaign_id, x.campaign, x.what, x.total, x.ledger, x.difference)
                for x in found.discrepancies
            ],
            right=numbers,
        )
    print(
        f"{counted(found.campaigns, 'campaign')}, {counted(found.costs, 'cost')}, "
        f"discrepancy {money(found.discrepancy)}"
    )
    if repairs is not None:
        _print_repairs(repairs)


def _print_repairs(repairs: Sequence[Repair]) -> None:
    if repairs:
        amounts = ("before", "after")
        print_rows(
            ("id", "campaign", "repaired", *amounts),
            [
                (x.campaign_id, x.campaign, x.total, x.amount_before, x.amount_after)
                for x in repairs
            ],
            right=amounts,
        )
    print(f"{counted(len(repairs), 'total')} repaired")
