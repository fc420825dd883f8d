"""What a batch saves; the figure is printed (`pytest -s`), a busy machine fails nothing."""

import time
from collections.abc import Callable

from campaigndb import CampaignStore
from tests.track_campaign_costs_batch.conftest import NewCost


def test_a_batch_of_a_thousand_costs_against_single_calls(
    store: CampaignStore, new_cost: NewCost
) -> None:
    cost = new_cost("0.0101")

    def per_second(number: int, run: Callable[[], object]) -> float:
        started = time.perf_counter()
        run()
        return number / (time.perf_counter() - started)

    def single_calls() -> None:
        for _ in range(200):
            store.track_campaign_cost(**cost)

    single_calls()
    single = per_second(200, single_calls)
    batch = per_second(1_000, lambda: store.track_campaign_costs_batch([cost] * 1_000))
    print(f"costs per second: {single:.0f} singly, {batch:.0f} in a batch: {batch / single:.1f}x")
    assert store.track_campaign_cost(**cost).new_total * 10_000 == (400 + 1_000 + 1) * 101
