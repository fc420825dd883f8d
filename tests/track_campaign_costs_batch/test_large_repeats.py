"""A batch with used keys does the work of a batch, not that of each of its costs."""

from __future__ import annotations

import threading
import time
import uuid
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, text

from campaigndb import CampaignStore
from tests.faults.ledger import check_totals, entries
from tests.track_campaign_costs_batch.conftest import NewCost

# More than what a batch is recognised by.
SIZE = 2_000
VERSIONS = text("""
    select sum(pg_stat_get_xact_tuples_updated(oid))::int
    from pg_class where relname = 'gmaps_campaigns'
""")


def sent_again(costs: list[dict[str, Any]], which: slice) -> list[dict[str, Any]]:
    """The costs that were sent before: nothing else of them differs."""
    return [dict(cost) for cost in costs[which]]


@pytest.mark.parametrize(
    "used",
    [
        slice(None),
        slice(0, 1),
        slice(-1, None),
        slice(SIZE // 2 + 3, SIZE // 2 + 4),
        slice(0, SIZE // 2),
        slice(SIZE // 2, None),
        slice(None, None, 3),
    ],
    ids=["all", "the first", "the last", "one", "the first half", "the second half", "a third"],
)
def test_used_keys_are_replayed_and_the_campaign_is_written_once_or_twice(
    store: CampaignStore,
    owner_engine: Engine,
    new_cost: NewCost,
    campaign_id: uuid.UUID,
    used: slice,
) -> None:
    costs = [new_cost("0.0001", key=f"key {number}") for number in range(SIZE)]
    before = store.track_campaign_costs_batch(sent_again(costs, used)).costs
    with owner_engine.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
        answers = store.bind(connection).track_campaign_costs_batch(costs).costs
        versions = connection.scalar(VERSIONS)
        connection.commit()

    replayed = [answer for answer in answers if answer.replayed]
    assert [(a.cost_id, a.new_total) for a in replayed] == [
        (b.cost_id, b.new_total) for b in before
    ]
    assert [a.replayed for a in answers[used]] == [True] * len(before)
    fresh = [answer.new_total for answer in answers if not answer.replayed]
    spent = len(before) * Decimal("0.0001")
    assert fresh == [spent + n * Decimal("0.0001") for n in range(1, SIZE - len(before) + 1)]
    assert len(entries(owner_engine)) == SIZE
    check_totals(owner_engine, [campaign_id])
    # Each version of the row is one more to walk over: N of them in one transaction cost N².
    assert versions <= 2


def test_a_key_twice_in_a_large_batch_counts_once(
    store: CampaignStore, owner_engine: Engine, new_cost: NewCost, campaign_id: uuid.UUID
) -> None:
    costs = [new_cost("0.0001", key=f"key {number // 2}") for number in range(SIZE)]
    answers = store.track_campaign_costs_batch(costs).costs
    assert [answer.replayed for answer in answers] == [False, True] * (SIZE // 2)
    assert all(a.cost_id == b.cost_id for a, b in zip(answers[::2], answers[1::2], strict=True))
    assert len(entries(owner_engine)) == SIZE // 2
    check_totals(owner_engine, [campaign_id])


def test_the_costs_of_several_campaigns_keep_their_own_keys_and_totals(
    store: CampaignStore,
    owner_engine: Engine,
    new_cost: NewCost,
    campaign_id: uuid.UUID,
    other_campaign_id: uuid.UUID,
) -> None:
    both = [campaign_id, other_campaign_id]
    costs = [
        new_cost(n % 2 + 1, key=f"key {n // 2}", campaign_id=both[n % 2], service="bouncer")
        for n in range(SIZE)
    ]
    store.track_campaign_costs_batch(costs[SIZE // 2 :])
    answers = store.track_campaign_costs_batch(costs).costs
    assert [answer.replayed for answer in answers] == [False] * (SIZE // 2) + [True] * (SIZE // 2)
    assert answers[-2].new_total == SIZE // 4
    assert answers[-1].new_total == SIZE // 2
    assert (answers[0].new_total, answers[1].new_total) == (SIZE // 4 + 1, SIZE // 2 + 2)
    check_totals(owner_engine, both)


def test_a_single_cost_waits_no_longer_than_beside_a_batch_of_new_ones(
    store: CampaignStore, new_cost: NewCost, campaign_id: uuid.UUID
) -> None:
    def batch() -> list[dict[str, Any]]:
        return [new_cost("0.0001", key=str(uuid.uuid4())) for _ in range(4_000)]

    started = time.perf_counter()
    store.track_campaign_costs_batch(batch())
    all_new = time.perf_counter() - started

    costs = batch()
    store.track_campaign_costs_batch(costs[:1])
    one_known = threading.Thread(target=store.track_campaign_costs_batch, args=[costs])
    one_known.start()
    time.sleep(all_new / 10)
    started = time.perf_counter()
    store.track_campaign_cost(campaign_id, "bouncer", 1, 1)
    waited = time.perf_counter() - started
    one_known.join()
    # A busy machine slows down both. One by one, these costs took twenty times as long.
    assert waited < 4 * all_new + 0.5
