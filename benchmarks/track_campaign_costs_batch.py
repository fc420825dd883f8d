"""Many costs at once: one transaction, beside a call for each and beside plain SQL.

Then the same batch sent again, wholly or in part, beside one whose keys are all new.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import Engine, func, insert, update

from benchmarks.figures import Figure, Target
from benchmarks.measurement import FUNCTION, Comparison, Variant
from benchmarks.run import Bench
from benchmarks.track_campaign_cost import COST
from campaigndb.calling.catalogue import BUDGETS
from campaigndb.tables import api_costs, campaigns

NAME = "track_campaign_costs_batch"
BUDGET_COSTS = 1_000
LARGEST_BATCH = 10_000
PLAIN = "plain SQL (READ COMMITTED)"
NEW, SENT_AGAIN = "new", "sent again"
# The most that a batch with known keys may take, as a multiple of one of new ones.
SENT_AGAIN_LIMIT = 1.5


def measure(bench: Bench) -> Iterator[Figure]:
    database = bench.database
    n = bench.size(BUDGET_COSTS, 50)
    campaign_id = database.new_campaign()
    cost: dict[str, Any] = {
        "campaign_id": campaign_id,
        "service": "google_maps",
        "items_processed": 1,
        "cost_usd": COST,
    }
    costs = [cost] * n

    def one_by_one(_given: object) -> None:
        for each in costs:
            database.store.track_campaign_cost(**each)

    yield from bench.compare(
        Comparison(
            name=NAME,
            n=n,
            variants=[
                Variant(FUNCTION, lambda _: database.store.track_campaign_costs_batch(costs)),
                Variant("a call for each", one_by_one),
                Variant(PLAIN, lambda _: _plain(database.owner_engine, campaign_id, costs)),
            ],
            baseline=PLAIN,
            calls=2,
            budget=BUDGETS[NAME] if n == BUDGET_COSTS else None,
        )
    )
    for size in (n, bench.size(LARGEST_BATCH, 0)):
        if size:
            yield from _sent_again(bench, size)


def _sent_again(bench: Bench, n: int) -> Iterator[Figure]:
    """Batches of which some keys are in the ledger already."""
    store = bench.database.store

    def batch(known: slice) -> list[dict[str, Any]]:
        campaign_id = bench.database.new_campaign()
        costs = [
            {
                "campaign_id": campaign_id,
                "service": "google_maps",
                "items_processed": 1,
                "cost_usd": COST,
                "metadata": {"idempotency_key": str(uuid.uuid4())},
            }
            for _ in range(n)
        ]
        store.track_campaign_costs_batch(costs[known])
        return costs

    known = {
        NEW: slice(0, 0),
        "all known": slice(None),
        "the first known": slice(0, 1),
        "one in the middle known": slice(n // 2, n // 2 + 1),
        "the last half known": slice(n // 2, None),
    }
    figures = bench.compare(
        Comparison(
            name=NAME,
            n=n,
            case=SENT_AGAIN,
            variants=[
                Variant(name, store.track_campaign_costs_batch, prepare=partial(batch, which))
                for name, which in known.items()
            ],
            baseline=NEW,
            calls=1,
        )
    )
    for figure in figures:
        target = Target(
            f"{figure.ratio:.2f} times as long as new ones (at most {SENT_AGAIN_LIMIT})",
            figure.ratio <= SENT_AGAIN_LIMIT,
        )
        is_new = figure.variant == figure.baseline
        yield figure if is_new else replace(figure, targets=(target,))


def _plain(engine: Engine, campaign_id: uuid.UUID, costs: list[dict[str, Any]]) -> None:
    """All entries in one statement and their sum in another, without keys that were looked up."""
    entries = [{**cost, "metadata": {"idempotency_key": str(uuid.uuid4())}} for cost in costs]
    spent = COST * len(costs)
    campaign = campaigns.c
    with engine.begin() as connection:
        connection.execute(
            update(campaigns)
            .where(campaign.id == campaign_id)
            .values(
                actual_cost=campaign.actual_cost + spent,
                google_maps_cost=campaign.google_maps_cost + spent,
                updated_at=func.now(),
            )
        )
        connection.execute(insert(api_costs), entries)
