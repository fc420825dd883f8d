"""updated + failed + superseded = items; what failed is listed and stops nothing."""

import random
import uuid

from app import CampaignStore
from app.results import EnrichmentFailure
from app.tables import businesses, facebook_enrichments, linkedin_enrichments

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
                ({"success": "yes"}, "success is not true or false"),
                ({"error_message": 7}, "error_message is not a text"),
                ({"primary_email": ["a@x.fi"]}, "primary_email is not a text"),
                ({"emails": [1]}, "emails is not a list of texts"),
                ({"emails": {"a": 1}}, "emails is not a list of texts"),
                ({"page_likes": "many"}, "page_likes is not a number"),
                ({"page_likes": "\u20035"}, "page_likes is not a number"),
                ({"page_likes": -1}, "page_likes is not a whole number from 0 to 2147483647"),
                ({"page_followers": 1.5}, "page_followers is not a whole number from 0 to"),
                ({"page_followers": 10**30}, "page_followers is not a whole number from 0 to"),
                ({"page_followers": "NaN"}, "page_followers is not a number"),
                ({"enrichment_status": "done"}, "enrichment_status is not one of pending, "),
                ({"enrichment_status": []}, "enrichment_status is not one of pending, "),
                ({"idempotency_key": 7}, "idempotency_key is not a text"),
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


def test_linkedins_fields_are_checked_too(raw_call, add_business, nothing_changes) -> None:
    business_id = str(add_business("a"))
    fields = {
        "linkedin_url": 1, "profile_type": "group", "person_name": [], "person_title": {},
        "person_profile_url": False, "company_name": 0, "location": {}, "connections": "500+",
        "emails_found": [[]], "emails_generated": 7, "email_source": "guess",
        "email_quality_tier": 1, "phone_numbers": [358],
    }  # fmt: skip
    with nothing_changes():
        envelope = raw_call(
            "update_enrichment_batch",
            p_enrichment_type="linkedin",
            p_enrichments=[
                {"business_id": business_id, name: value} for name, value in fields.items()
            ],
        )
    assert (envelope["updated"], envelope["failed"]) == (0, len(fields))
    assert [failure["reason"].split()[0] for failure in envelope["failures"]] == list(fields)


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
    store.update_enrichment_batch("linkedin", [{"business_id": i} for i in ids])
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
