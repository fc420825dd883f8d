"""Many costs at once: one transaction, beside a call for each and beside plain SQL."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine, func, insert, update

from app.bench.figures import Figure
from app.bench.measurement import FUNCTION, Comparison, Variant
from app.bench.run import Bench
from app.bench.track_campaign_cost import COST
from app.budgets import BUDGETS
from app.tables import api_costs, campaigns

NAME = "track_campaign_costs_batch"
BUDGET_COSTS = 1_000
PLAIN = "plain SQL (READ COMMITTED)"


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
