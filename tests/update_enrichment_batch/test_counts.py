"""updated + failed + superseded = items; what failed is listed and stops nothing."""

import random
import uuid

from campaigndb import CampaignStore
from campaigndb.calling.results import EnrichmentFailure
from campaigndb.tables import businesses, facebook_enrichments, linkedin_enrichments

MISSING = uuid.UUID("00000000-0000-0000-0000-000000000001")


def test_items_that_cannot_be_applied_are_listed_and_the_others_go_in(
    raw_call, add_business, row
) -> None:
    business_id = str(add_business("a"))
    items = [
        ({"business_id": str(MISSING)}, "there is no such business"),
        ({}, "business_id is missing"),
        ({"business_id": None}, "business_id is missing"),
        ({"business_id": "7"}, "business_id is not a UUID"),
        ({"business_id": 7}, "business_id is not a UUID"),
        ({"business_id": "x" * 65536}, "business_id is not a UUID"),
        ({"business_id": [[business_id]]}, "business_id is not a UUID"),
        (None, "not a JSON object"),
        ("text", "not a JSON object"),
        ([business_id], "not a JSON object"),
        *[
            ({"business_id": business_id, **fields}, reason)
            for fields, reason in [
                ({}, "nothing is known in it"),
                ({"idempotency_key": "k"}, "nothing is known in it"),
                ({"page_likes": "many", "emails": {"a": 1}}, "nothing is known in it"),
                ({"enrichment_status": "done", "success": "perhaps"}, "nothing is known in it"),
                ({"title": " ", "email": None, "phone": "", "likes": []}, "nothing is known in it"),
                ({"idempotency_key": 7, "page_name": "x"}, "idempotency_key is not a text"),
            ]
        ],
    ]
    good = {"business_id": business_id, "page_name": "good"}
    envelope = raw_call(
        "update_enrichment_batch",
        p_enrichment_type="facebook",
        p_enrichments=[*[item for item, _ in items], good],
    )
    assert (envelope["success"], envelope["updated"]) == (True, 1)
    assert (envelope["failed"], envelope["superseded"]) == (len(items), 0)
    assert [failure["index"] for failure in envelope["failures"]] == list(range(len(items)))
    for (item, reason), failure in zip(items, envelope["failures"], strict=True):
        assert failure["reason"].startswith(reason), item
        given = item.get("business_id") if isinstance(item, dict) else None
        if isinstance(given, list) or len(str(given)) > 100:
            given = None
        assert failure["business_id"] == given
    assert row(facebook_enrichments).page_name == "good"
    assert row(businesses).enrichment_attempts == 1


def test_an_unreadable_value_or_unknown_word_never_costs_the_item(
    raw_call, add_business, row
) -> None:
    business_id = str(add_business("a"))
    item = {
        "business_id": business_id, "linkedin_url": 1, "profile_type": "robot", "person_name": [],
        "person_title": {}, "person_profile_url": False, "company_name": "Hall", "location": {},
        "connections": "many", "emails_found": [[]], "emails_generated": 7, "email_source": "?",
        "email_quality_tier": [1], "phone_numbers": [358], "success": "perhaps",
    }  # fmt: skip
    envelope = raw_call(
        "update_enrichment_batch", p_enrichment_type="linkedin", p_enrichments=[item]
    )
    assert (envelope["updated"], envelope["failed"]) == (1, 0)
    stored = row(linkedin_enrichments)
    assert (stored.company_name, stored.success, stored.raw_data) == ("Hall", True, item)
    assert (stored.profile_type, stored.email_source, stored.connections) == (None, None, None)
    assert (stored.phone_numbers, stored.primary_email) == (["358"], None)


def test_the_store_gives_failures_as_objects(store: CampaignStore) -> None:
    result = store.update_enrichment_batch("facebook", [{"business_id": MISSING}])
    assert result.failures == (
        EnrichmentFailure(index=0, business_id=str(MISSING), reason="there is no such business"),
    )


def test_of_several_items_for_one_business_the_last_wins(
    store: CampaignStore, add_business, row
) -> None:
    a, b = add_business("a"), add_business("b")
    result = store.update_enrichment_batch(
        "facebook",
        [
            {"business_id": a, "page_name": "first"},
            {"business_id": str(b).upper(), "page_name": "b"},
            {"business_id": a, "page_name": "second"},
            {"business_id": MISSING},
            {"business_id": a, "page_name": "last"},
        ],
    )
    assert (result.updated, result.superseded, result.failed) == (2, 2, 1)
    assert row(facebook_enrichments, business_id=a).page_name == "last"
    assert row(businesses, id=a).enrichment_attempts == 1


def test_businesses_of_several_campaigns_go_in_one_batch(
    store: CampaignStore, campaign_id, other_campaign_id, add_business, rows
) -> None:
    ids = [add_business("a", campaign_id), add_business("b", other_campaign_id)]
    store.update_enrichment_batch(
        "linkedin", [{"business_id": i, "company_name": "Hall"} for i in ids]
    )
    assert {(e.business_id, e.campaign_id) for e in rows(linkedin_enrichments)} == {
        (ids[0], campaign_id),
        (ids[1], other_campaign_id),
    }


def test_an_empty_batch_changes_nothing(store: CampaignStore, nothing_changes) -> None:
    with nothing_changes():
        result = store.update_enrichment_batch("facebook", [])
    assert (result.updated, result.failed, result.superseded, result.failures) == (0, 0, 0, ())


def test_ten_thousand_items_go_in_at_once(store: CampaignStore, campaign_id, rows) -> None:
    store.insert_businesses_batch(
        campaign_id, "1", [{"place_id": str(number), "name": "x"} for number in range(5_000)]
    )
    ids = [business.id for business in rows(businesses)] * 2
    random.Random(1).shuffle(ids)
    result = store.update_enrichment_batch(
        "facebook", [{"business_id": i, "primary_email": f"{i}@x.fi"} for i in ids]
    )
    assert (result.updated, result.superseded, result.failed) == (5_000, 5_000, 0)
    assert {(b.email, b.enrichment_attempts) for b in rows(businesses)} == {
        (f"{i}@x.fi", 1) for i in set(ids)
    }
    assert len(rows(facebook_enrichments)) == 5_000
