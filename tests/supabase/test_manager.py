"""`GmapsSupabaseManager` where the class of that name was, with its names and argument orders.

What is assumed of that class: a URL and a key, `save_businesses(businesses, campaign_id,
zip_code)`, `get_businesses_for_enrichment(campaign_id, limit)`, one call for each enrichment and
verification, `track_api_cost` with a float.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Row
from supabase import create_client

from campaigndb import InvalidInputError
from campaigndb.http.gmaps_supabase_manager import GmapsSupabaseManager
from campaigndb.tables import businesses, campaigns, linkedin_enrichments
from tests.supabase.api_server import Api


@pytest.fixture
def manager(api: Api) -> GmapsSupabaseManager:
    return GmapsSupabaseManager(api.url, api.service_key)


def test_a_url_and_a_key_or_a_client(api: Api) -> None:
    client = create_client(api.url, api.service_key)
    for manager in (GmapsSupabaseManager(client), GmapsSupabaseManager(api.url, api.service_key)):
        assert manager.create_campaign({"name": "x"})["zip_count"] == 0
    with pytest.raises(TypeError, match="needs the service key"):
        GmapsSupabaseManager(api.url)
    with pytest.raises(TypeError, match="a client, or a URL and a key"):
        GmapsSupabaseManager(client, api.service_key)


def test_results_are_mappings_over_http(manager: GmapsSupabaseManager) -> None:
    created = manager.create_campaign({"name": "Helsinki"}, ["00100"])
    assert created["success"] is True
    assert created["campaign_id"] == created.campaign_id
    assert created.get("nothing") is None
    assert dict(created)["zip_count"] == 1


def test_the_legacy_worker_runs_as_it_is_and_is_warned(
    manager: GmapsSupabaseManager, row: Callable[..., Row[Any]]
) -> None:
    campaign_id = manager.create_campaign({"name": "Helsinki", "status": "draft"})["campaign_id"]
    record = {
        "placeId": "m",
        "title": "Kauppahalli",
        "emails": ["a@m.example"],
        "facebooks": ["https://facebook.com/m"],
    }

    def legacy(method: Callable[..., Any], *arguments: Any) -> Any:
        with pytest.warns(DeprecationWarning, match=r"^GmapsSupabaseManager\.\w+") as caught:
            result = method(*arguments)
        [warned] = [found for found in caught if "GmapsSupabaseManager" in str(found.message)]
        assert warned.filename == __file__
        return result

    assert legacy(manager.save_businesses, [record], str(campaign_id), "00100").inserted == 1
    [business] = legacy(manager.get_businesses_for_enrichment, campaign_id, 10)
    assert legacy(manager.get_businesses_for_enrichment, campaign_id) == (business,)
    assert legacy(manager.get_all_businesses, campaign_id) == (business,)
    assert legacy(manager.get_all_businesses, campaign_id, 1) == (business,)
    business_id = business["business_id"]
    found = {"success": True, "primary_email": "b@m.example", "page_name": "M", "raw_data": {}}
    assert legacy(manager.save_facebook_enrichment, business_id, campaign_id, found).updated == 1
    profile = {
        "linkedin_url": "https://linkedin.com/in/m",
        "profile_type": "person",
        "person_name": "Maija",
        "company": "Kauppahalli",
        "primary_email": "c@m.example",
        "email_source": "linkedin_public",
        "email_verified_source": "linkedin_public",
        "emails_found": ["c@m.example"],
    }
    assert legacy(manager.save_linkedin_enrichment, business_id, campaign_id, profile).updated == 1
    stored = row(linkedin_enrichments, business_id=business_id)
    assert (stored.profile_type, stored.email_source, stored.company_name) == (
        "personal",
        "linkedin_direct",
        "Kauppahalli",
    )
    for method, email in (
        (manager.update_google_maps_verification, "a@m.example"),
        (manager.update_facebook_verification, "b@m.example"),
        (manager.update_linkedin_verification, "c@m.example"),
    ):
        verdict = {"email": email, "status": "deliverable", "score": 97, "is_safe": True}
        assert legacy(method, business_id, verdict).is_safe
    assert row(businesses, id=business_id).email_verified
    cost = (campaign_id, "facebook", 1, "0.0070", {"run": 1})
    assert legacy(manager.track_api_cost, *cost).new_total == Decimal("0.0070")
    assert legacy(manager.update_campaign, campaign_id, {"status": "running"}).status == "running"
    with pytest.raises(TypeError, match="the status alone, not actual_cost"):
        legacy(manager.update_campaign, campaign_id, {"actual_cost": 1})
    assert [found.name for found in legacy(manager.get_campaigns)] == ["Helsinki"]
    assert manager.get_campaign(campaign_id)["total_businesses_found"] >= 0
    assert row(campaigns, id=campaign_id).started_at is not None


def test_the_functions_own_names_are_accepted(manager: GmapsSupabaseManager) -> None:
    with pytest.warns(DeprecationWarning, match="create_campaign_with_coverage is deprecated"):
        created = manager.create_campaign_with_coverage({"name": "x"}, ["00100"])
    with pytest.warns(DeprecationWarning, match="insert_businesses_batch is deprecated"):
        manager.insert_businesses_batch(created.campaign_id, "00100", [])
    with pytest.warns(DeprecationWarning, match="update_enrichment_batch is deprecated"):
        manager.update_enrichment_batch("facebook", [])
    with pytest.warns(DeprecationWarning, match="track_campaign_costs_batch is deprecated"):
        manager.track_campaign_costs_batch([])


def test_a_float_is_refused_with_the_right_form(manager: GmapsSupabaseManager) -> None:
    for method in (manager.track_campaign_cost, manager.track_api_cost):
        with pytest.raises(InvalidInputError) as caught:
            method(uuid.uuid4(), "bouncer", 1, 0.1)  # type: ignore[arg-type]
        assert caught.value.error == (
            'Invalid input: p_cost_usd is a float: money is Decimal, int or str, such as "0.0070"'
        )
