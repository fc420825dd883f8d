"""Keys make a repeated cost count once, wherever it is repeated."""

import uuid
from decimal import Decimal

import pytest
from sqlalchemy import Engine

from campaigndb import CampaignStore, DuplicateRecordError
from tests.faults.ledger import check_totals, entries
from tests.track_campaign_costs_batch.conftest import NewCost


def test_the_whole_batch_again_gets_the_first_answers(
    store: CampaignStore, owner_engine: Engine, new_cost: NewCost, campaign_id: uuid.UUID
) -> None:
    costs = [new_cost(1, key="a"), new_cost(2, key="b")]
    first = store.track_campaign_costs_batch(costs).costs
    store.track_campaign_cost(campaign_id, "bouncer", 1, 100)

    again = store.track_campaign_costs_batch(costs).costs

    assert [cost.replayed for cost in first] == [False, False]
    assert [cost.replayed for cost in again] == [True, True]
    for cost, repeated in zip(first, again, strict=True):
        assert (cost.campaign_id, cost.cost_id, cost.new_total, cost.service) == (
            repeated.campaign_id,
            repeated.cost_id,
            repeated.new_total,
            repeated.service,
        )
    assert len(entries(owner_engine)) == 3
    check_totals(owner_engine, [campaign_id])


def test_of_a_batch_with_some_used_keys_only_the_rest_is_new(
    store: CampaignStore, owner_engine: Engine, new_cost: NewCost, campaign_id: uuid.UUID
) -> None:
    single = store.track_campaign_cost(
        campaign_id, "facebook", 1, 4, {"idempotency_key": "from a single call"}
    )
    (in_a_batch,) = store.track_campaign_costs_batch([new_cost(2, key="b")]).costs

    tracked = store.track_campaign_costs_batch(
        [
            new_cost(1, key="a"),
            new_cost(2, key="b"),
            new_cost(4, key="from a single call"),
            new_cost("0.5", key="c"),
        ]
    ).costs

    assert [cost.replayed for cost in tracked] == [False, True, True, False]
    assert [cost.new_total for cost in tracked] == [7, 6, 4, Decimal("7.5")]
    assert (tracked[1].cost_id, tracked[2].cost_id) == (in_a_batch.cost_id, single.cost_id)
    assert len(entries(owner_engine)) == 4
    check_totals(owner_engine, [campaign_id])


def test_a_key_twice_in_one_batch_with_the_same_payload_counts_once(
    store: CampaignStore, owner_engine: Engine, new_cost: NewCost, campaign_id: uuid.UUID
) -> None:
    tracked = store.track_campaign_costs_batch(
        [new_cost(2, key="a"), new_cost(1, key="b"), new_cost("2.00001", key="a")]
    ).costs
    assert [cost.replayed for cost in tracked] == [False, False, True]
    assert tracked[0].cost_id == tracked[2].cost_id
    assert tracked[0].new_total == tracked[2].new_total == 2
    assert len(entries(owner_engine)) == 2
    check_totals(owner_engine, [campaign_id])


@pytest.mark.parametrize(
    "changed",
    [
        {"cost_usd": 3},
        {"service": "bouncer"},
        {"items_processed": 2},
        {"metadata": {"idempotency_key": "a", "run": 2}},
    ],
    ids=lambda changed: next(iter(changed)),
)
@pytest.mark.parametrize("used", ["before", "in the same batch"])
def test_a_used_key_with_another_payload_refuses_the_whole_batch(
    store: CampaignStore,
    owner_engine: Engine,
    new_cost: NewCost,
    campaign_id: uuid.UUID,
    changed: dict[str, object],
    used: str,
) -> None:
    batch = [new_cost(1, key="b"), new_cost(2, key="a") | changed]
    if used == "before":
        store.track_campaign_costs_batch([new_cost(2, key="a")])
    else:
        batch.insert(0, new_cost(2, key="a"))
    before = entries(owner_engine)

    with pytest.raises(DuplicateRecordError) as caught:
        store.track_campaign_costs_batch(batch)

    assert caught.value.error_code == "23505"
    assert f"p_costs[{len(batch) - 1}]: " in caught.value.detail
    assert "another payload" in caught.value.detail
    assert entries(owner_engine) == before
    check_totals(owner_engine, [campaign_id])


def test_a_key_belongs_to_its_campaign(
    store: CampaignStore,
    owner_engine: Engine,
    new_cost: NewCost,
    campaign_id: uuid.UUID,
    other_campaign_id: uuid.UUID,
) -> None:
    tracked = store.track_campaign_costs_batch(
        [new_cost(1, key="a"), new_cost(2, key="a", campaign_id=other_campaign_id)]
    ).costs
    assert [cost.replayed for cost in tracked] == [False, False]
    check_totals(owner_engine, [campaign_id, other_campaign_id])
