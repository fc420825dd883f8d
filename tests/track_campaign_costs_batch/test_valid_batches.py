"""A batch of costs is one transaction; each of its costs is treated as a single one is."""

import uuid
from decimal import Decimal

from sqlalchemy import Engine, func, select

from campaigndb import AsyncCampaignStore, CampaignStore
from campaigndb.tables import api_costs, campaigns
from tests.faults.ledger import check_totals, entries
from tests.track_campaign_costs_batch.conftest import NewCost


def test_results_come_in_the_batchs_order_with_running_totals_of_each_campaign(
    store: CampaignStore,
    owner_engine: Engine,
    new_cost: NewCost,
    campaign_id: uuid.UUID,
    other_campaign_id: uuid.UUID,
) -> None:
    store.track_campaign_cost(campaign_id, "linkedin", 1, 10)

    tracked = store.track_campaign_costs_batch(
        [
            new_cost("0.5"),
            new_cost(Decimal("2.25"), campaign_id=other_campaign_id, service="bouncer"),
            new_cost(3, service="google_maps"),
            new_cost("0.0001", campaign_id=other_campaign_id),
            new_cost("0.25", service="linkedin"),
        ]
    ).costs

    assert [(cost.campaign_id, cost.service, cost.new_total) for cost in tracked] == [
        (campaign_id, "facebook", Decimal("10.5")),
        (other_campaign_id, "bouncer", Decimal("2.25")),
        (campaign_id, "google_maps", Decimal("13.5")),
        (other_campaign_id, "facebook", Decimal("2.2501")),
        (campaign_id, "linkedin", Decimal("13.75")),
    ]
    assert not any(cost.replayed for cost in tracked)
    ledger = {entry.id: entry for entry in entries(owner_engine)}
    for cost in tracked:
        entry = ledger[cost.cost_id]
        assert (entry.campaign_id, entry.service, entry.running_total) == (
            cost.campaign_id,
            cost.service,
            cost.new_total,
        )
    check_totals(owner_engine, [campaign_id, other_campaign_id])
    with owner_engine.connect() as connection:
        totals = connection.execute(select(campaigns).where(campaigns.c.id == campaign_id)).one()
    assert (totals.actual_cost, totals.google_maps_cost, totals.facebook_cost) == (
        Decimal("13.75"),
        Decimal(3),
        Decimal("0.5"),
    )
    assert (totals.linkedin_enrichment_cost, totals.bouncer_verification_cost) == (
        Decimal("10.25"),
        Decimal(0),
    )


def test_every_amount_is_rounded_once_before_it_is_added_up(
    store: CampaignStore, owner_engine: Engine, new_cost: NewCost, campaign_id: uuid.UUID
) -> None:
    tracked = store.track_campaign_costs_batch([new_cost("0.00005")] * 3 + [new_cost("0.00004")])
    # The sum of the unrounded amounts is 0.00019.
    assert [cost.new_total for cost in tracked.costs] == [
        Decimal("0.0001"),
        Decimal("0.0002"),
        Decimal("0.0003"),
        Decimal("0.0003"),
    ]
    check_totals(owner_engine, [campaign_id])


def test_a_batch_and_single_costs_store_the_same(
    store: CampaignStore, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    metadata = {"idempotency_key": "single", "run": {"id": 7}}
    store.track_campaign_cost(campaign_id, "bouncer", 12, "1.23456", metadata)
    store.track_campaign_costs_batch(
        [
            {
                "campaign_id": str(campaign_id),
                "service": "bouncer",
                "items_processed": 12,
                "cost_usd": "1.23456",
                "metadata": metadata | {"idempotency_key": "in a batch"},
            }
        ]
    )
    single, in_a_batch = sorted(entries(owner_engine), key=lambda entry: entry.running_total)
    assert single.metadata == metadata
    assert in_a_batch.metadata == metadata | {"idempotency_key": "in a batch"}
    columns = ("campaign_id", "service", "items_processed", "cost_usd")
    assert [getattr(single, name) for name in columns] == [
        getattr(in_a_batch, name) for name in columns
    ]
    assert in_a_batch.incurred_at is not None


def test_every_cost_gets_a_key_of_its_own_unless_it_has_one(
    store: CampaignStore, owner_engine: Engine, new_cost: NewCost
) -> None:
    store.track_campaign_costs_batch([new_cost(), new_cost(), new_cost(key="given")])
    keys = [entry.metadata["idempotency_key"] for entry in entries(owner_engine)]
    assert len(set(keys)) == 3
    assert "given" in keys


def test_an_empty_batch_writes_nothing_and_succeeds(
    store: CampaignStore, owner_engine: Engine
) -> None:
    assert store.track_campaign_costs_batch([]).costs == ()
    assert entries(owner_engine) == []


def test_any_iterable_is_a_batch(store: CampaignStore, new_cost: NewCost) -> None:
    tracked = store.track_campaign_costs_batch(new_cost(amount) for amount in (1, 2))
    assert [cost.new_total for cost in tracked.costs] == [1, 3]


async def test_the_async_store_does_the_same(
    async_store: AsyncCampaignStore, owner_engine: Engine, new_cost: NewCost, campaign_id: uuid.UUID
) -> None:
    tracked = await async_store.track_campaign_costs_batch([new_cost(1), new_cost("0.5")])
    assert [cost.new_total for cost in tracked.costs] == [1, Decimal("1.5")]
    check_totals(owner_engine, [campaign_id])


def test_ten_thousand_costs_are_one_batch(
    store: CampaignStore,
    owner_engine: Engine,
    new_cost: NewCost,
    campaign_id: uuid.UUID,
    other_campaign_id: uuid.UUID,
) -> None:
    costs = [
        new_cost(
            f"0.{number:04}",
            key=str(number),
            campaign_id=(campaign_id, other_campaign_id)[number % 2],
            service=("google_maps", "facebook", "linkedin", "bouncer")[number % 4],
        )
        for number in range(10_000)
    ]
    tracked = store.track_campaign_costs_batch(costs).costs

    assert [cost.campaign_id for cost in tracked] == [cost["campaign_id"] for cost in costs]
    with owner_engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(api_costs)) == 10_000
    check_totals(owner_engine, [campaign_id, other_campaign_id])

    again = store.track_campaign_costs_batch(costs).costs
    assert all(cost.replayed for cost in again)
    assert [cost.cost_id for cost in again] == [cost.cost_id for cost in tracked]
    check_totals(owner_engine, [campaign_id, other_campaign_id])
