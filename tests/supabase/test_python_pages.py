"""Rows beyond the API's limit of rows, which PostgREST cuts and says nothing."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from supabase import Client, create_client

from campaigndb import ConflictError
from campaigndb.calling.arguments import Call
from campaigndb.http.supabase_store import SupabaseStore


class CuttingStore(SupabaseStore):
    """Its API answers with at most `most` rows; `between` is called before each answer."""

    most = 2
    between: Callable[[], None] = staticmethod(lambda: None)

    def _run(self, call: Call[Any]) -> Any:
        self.between()
        rows = super()._run(call)
        return rows[: self.most] if isinstance(rows, tuple) else rows


@pytest.fixture
def client(api: Any) -> Client:
    return create_client(api.url, api.service_key)


@pytest.mark.parametrize("most", [1, 2, 3, 7])
def test_a_limit_over_the_apis_is_answered_in_full(
    client: Client, campaign_id: uuid.UUID, add_business: Callable[..., Any], most: int
) -> None:
    for number in range(7):
        add_business(f"p{number}")
    whole = SupabaseStore(client).get_businesses_for_enrichment(campaign_id, "facebook", 100)
    assert len(whole) == 7
    store = CuttingStore(client)
    store.most = most
    for limit, offset in ((100, 0), (5, 0), (100, 3), (100, 7)):
        found = store.get_businesses_for_enrichment(campaign_id, "facebook", limit, offset)
        assert found == whole[offset : offset + limit]


def test_a_queue_that_moves_between_pages_is_no_shorter_answer(
    client: Client, campaign_id: uuid.UUID, add_business: Callable[..., Any]
) -> None:
    for number in range(20):
        add_business(f"p{number}")
    direct = SupabaseStore(client)
    store = CuttingStore(client)
    calls = 0

    def finish_first() -> None:
        nonlocal calls
        calls += 1
        if calls % 2 == 0:
            [first] = direct.get_businesses_for_enrichment(campaign_id, "facebook", 1)
            found = {"business_id": first.business_id, "success": True, "page_name": "P"}
            direct.update_enrichment_batch("facebook", [found])

    store.between = finish_first
    with pytest.raises(ConflictError, match="The queue moved") as caught:
        store.get_businesses_for_enrichment(campaign_id, "facebook", 100)
    assert caught.value.retry_recommended


@pytest.mark.parametrize("most", [1, 3])
def test_leads_and_campaigns_are_answered_in_full(
    client: Client, campaign_id: uuid.UUID, add_business: Callable[..., Any], most: int
) -> None:
    direct = SupabaseStore(client)
    for number in range(4):
        add_business(f"p{number}", email=f"a{number}@a.example")
        direct.create_campaign_with_coverage({"name": f"c{number}"})
    store = CuttingStore(client)
    store.most = most
    leads = direct.get_campaign_leads(campaign_id, {"emails": "any"}, 100)
    assert len(leads) == 4
    assert store.get_campaign_leads(campaign_id, {"emails": "any"}, 100) == leads
    assert store.get_campaign_leads(campaign_id, {"emails": "any"}, 2) == leads[:2]
    campaigns = direct.list_campaigns(100)
    assert len(campaigns) == 5
    assert store.list_campaigns(100) == campaigns
    assert store.list_campaigns(100, campaigns[0].campaign_id) == campaigns[1:]
