"""The loop of a worker over HTTP: claims, results and cost, without a transaction over them."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from supabase import create_client

from campaigndb import CampaignStore
from campaigndb.http.supabase_store import SupabaseStore
from campaigndb.tables import api_costs, businesses, campaigns, lookups


def test_a_queue_is_worked_off_and_its_cost_counted_once(
    api: Any, store: CampaignStore, campaign_id: uuid.UUID, rows: Any, row: Any
) -> None:
    store.insert_businesses_batch(
        campaign_id,
        "00100",
        [
            {
                "place_id": f"p{number}",
                "name": "Kauppahalli",
                "facebook_url": f"https://facebook.com/p{number}",
            }
            for number in range(5)
        ],
    )
    over_http = SupabaseStore(create_client(api.url, api.service_key))
    with over_http.work("facebook", campaign_id, page_size=2, unit_cost_usd="0.003") as work:
        for batch in work:
            results = [
                {"business_id": item.business_id, "page_name": item.name} for item in batch.items
            ]
            cost = Decimal("0.003") * len(results)
            first = batch.finish(results, cost_usd=cost)
            # As after an answer that was lost.
            again = batch.finish(results, cost_usd=cost)
            assert first is not None
            assert again is not None
            assert (first.updated, first.late) == (len(results), 0)
    assert work.reason == "empty"
    assert {business.enrichment_status for business in rows(businesses)} == {"enriched"}
    assert {business.enrichment_attempts for business in rows(businesses)} == {1}
    assert rows(lookups) == []
    assert len(rows(api_costs)) == 3
    assert row(campaigns, id=campaign_id).actual_cost == Decimal("0.015")


def test_a_loop_that_is_left_gives_the_items_back(
    api: Any, store: CampaignStore, campaign_id: uuid.UUID
) -> None:
    over_http = SupabaseStore(create_client(api.url, api.service_key))
    with over_http.work("coverage", campaign_id) as work:
        for batch in work:
            assert len(batch.items) == 2
            break
    assert len(store.claim_coverage(campaign_id, 10, "other").zip_codes) == 2
