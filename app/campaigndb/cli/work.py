"""`campaigndb work`: shows claims and queues, and retries lookups."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Annotated

import typer

from campaigndb.calling.results import WorkStatus
from campaigndb.cli.connection import connected_store
from campaigndb.cli.terminal import money, print_json, print_rows
from campaigndb.operations.counted import counted

app = typer.Typer(no_args_is_help=True, help="Show claims and queues, and retry lookups.")

QUEUE_NUMBERS = (
    "unfinished",
    "held",
    "lease ended",
    "due",
    "waiting",
    "given up",
    "reserved (USD)",
)
CampaignId = Annotated[uuid.UUID, typer.Argument(metavar="ID", help="The campaign's UUID.")]


@app.command()
def status(
    campaign_id: CampaignId,
    limit: Annotated[
        int, typer.Option(min=0, max=10_000, help="Maximum number of workers, and of failures.")
    ] = 100,
    as_json: Annotated[
        bool, typer.Option("--json", help="For machines; money as exact text.")
    ] = False,
) -> None:
    """Show the queues, the items that workers hold, and the lookups that were given up."""
    with connected_store() as store:
        found = store.get_work_status(campaign_id, limit)
    if as_json:
        print_json(dataclasses.asdict(found))
        return
    print(f"{campaign_id} is {found.status}; {_budget(found)}")
    print_rows(
        ["queue", *QUEUE_NUMBERS[:-2], "next due", *QUEUE_NUMBERS[-2:]],
        # A queue's fields are in the order of the columns.
        [[*queue.values()] for queue in found.queues],
        right=QUEUE_NUMBERS,
    )
    if found.leases:
        print_rows(
            ["held by", "queue", "items", "since", "until", "reserved (USD)"],
            [
                (x.worker, x.kind, x.held, x.claimed_at, x.leased_until, x.reserved)
                for x in found.leases
            ],
            right=("items", "reserved (USD)"),
        )
    if found.failed:
        print_rows(
            ["given up", "queue", "attempts", "reason"],
            [(x.zip_code or x.business_id, x.kind, x.attempts, x.reason) for x in found.failed],
            right=("attempts",),
        )


@app.command()
def retry(
    campaign_id: CampaignId,
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="facebook, linkedin, verification or coverage.")
    ],
) -> None:
    """Make given-up lookups due again."""
    with connected_store() as store:
        retried = store.retry_failed_lookups(campaign_id, kind).retried
    print(f"{counted(retried, 'lookup')} due again.")


def _budget(found: WorkStatus) -> str:
    spent = f"{money(found.spent)} USD spent, {money(found.reserved)} reserved"
    if found.budget_usd is None:
        return f"{spent}, no budget"
    assert found.budget_left is not None
    return f"{spent}, {money(found.budget_left)} left of {money(found.budget_usd)}"
