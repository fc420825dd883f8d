"""What a batch takes grows with its length, not with the square of it."""

from __future__ import annotations

import time
import uuid

import pytest

from app import CampaignStore

FEW, MANY = 1_000, 8_000


@pytest.mark.parametrize("enrichment_type", ["facebook", "linkedin"])
def test_eight_times_the_items_take_little_more_than_eight_times_as_long(
    store: CampaignStore, campaign_id: uuid.UUID, enrichment_type: str
) -> None:
    store.insert_businesses_batch(
        campaign_id, "00100", [{"place_id": f"p{n}", "name": "Kiska"} for n in range(MANY)]
    )
    found = store.get_businesses_for_enrichment(campaign_id, "linkedin", limit=MANY)
    items = [{"business_id": business.business_id, "emails": ["a@b.fi"]} for business in found]

    def seconds(number: int) -> float:
        start = time.perf_counter()
        result = store.update_enrichment_batch(enrichment_type, items[:number])
        assert (result.updated, result.failed) == (number, 0)
        return time.perf_counter() - start

    # Linear is 8, the square 64; the first of a kind warms up.
    seconds(FEW)
    few = min(seconds(FEW) for _ in range(3))
    assert min(seconds(MANY) for _ in range(2)) / few < 24
