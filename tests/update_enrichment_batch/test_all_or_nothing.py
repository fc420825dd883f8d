"""A batch goes in as a whole where the caller asks for it, and not at all where an item is bad."""

from __future__ import annotations

import uuid

import pytest

from campaigndb import CampaignStore, InvalidInputError, MissingReferenceError
from campaigndb.tables import businesses, email_verifications, facebook_enrichments

MISSING = uuid.UUID("00000000-0000-0000-0000-000000000001")


def test_an_unknown_business_fails_the_batch(
    store: CampaignStore, add_business, nothing_changes
) -> None:
    items = [{"business_id": add_business("a"), "page_name": "A"}, {"business_id": MISSING}]
    with nothing_changes(), pytest.raises(MissingReferenceError) as caught:
        store.update_enrichment_batch("facebook", {"items": items, "all_or_nothing": True})
    assert caught.value.detail == (
        "p_enrichments.items[1]: there is no such business; nothing was stored"
    )


def test_an_item_without_a_business_fails_the_batch_and_the_others_are_counted(
    store: CampaignStore, add_business, nothing_changes
) -> None:
    items = [{"business_id": add_business("a"), "page_name": "A"}, {}, {"business_id": MISSING}]
    with nothing_changes(), pytest.raises(InvalidInputError) as caught:
        store.update_enrichment_batch("facebook", {"items": items, "all_or_nothing": True})
    assert "items[1]: business_id is missing (and 1 more)" in str(caught.value.detail)


def test_a_whole_batch_goes_in_once_under_its_keys(store: CampaignStore, add_business, row) -> None:
    business_id = add_business("a")
    items = [{"business_id": business_id, "page_name": "A"}]
    result = store.update_enrichment_batch("facebook", {"items": items, "all_or_nothing": True})
    assert (result.updated, result.failed) == (1, 0)
    assert row(facebook_enrichments).raw_data["idempotency_key"] is not None
    assert row(businesses).enrichment_status == "enriched"


@pytest.mark.parametrize("batch", [{"all_or_nothing": False}, {}])
def test_others_go_in_beside_a_bad_one_unless_it_is_asked_for(
    store: CampaignStore, add_business, batch
) -> None:
    items = [{"business_id": add_business("a"), "page_name": "A"}, {"business_id": MISSING}]
    result = store.update_enrichment_batch("facebook", {"items": items, **batch})
    assert (result.updated, result.failed) == (1, 1)
    assert result.message == "Enrichments updated: 1, failed: 1"


def test_an_answer_of_a_verifier_that_has_no_place_fails_the_batch(
    store: CampaignStore, add_business, rows, nothing_changes
) -> None:
    business_id = add_business("a", email="a@hall.fi")
    items = [
        {"business_id": business_id, "email": email, "status": "deliverable"}
        for email in ("a@hall.fi", "b@hall.fi")
    ]
    with nothing_changes(), pytest.raises(MissingReferenceError):
        store.update_email_verifications_batch({"items": items, "all_or_nothing": True})
    assert rows(email_verifications) == []


def test_a_rejected_record_fails_the_batch(
    store: CampaignStore, campaign_id, nothing_changes
) -> None:
    items = [{"place_id": "a", "name": "A", "email": "a@hall.fi"}, {"place_id": "b"}]
    for _ in range(2):  # all new, then one known: the two ways through the function
        with nothing_changes(), pytest.raises(InvalidInputError) as caught:
            store.insert_businesses_batch(
                campaign_id, "00100", {"items": items, "all_or_nothing": True}
            )
        assert "p_businesses.items[1]: " in str(caught.value.detail)
        store.insert_businesses_batch(campaign_id, "00100", items[:1])
