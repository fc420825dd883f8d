"""What a scraper calls an error is a failure: it is stored, counts, and undoes nothing."""

import pytest

from campaigndb import CampaignStore
from campaigndb.tables import businesses, facebook_enrichments, linkedin_enrichments

ERRORS = [
    (
        {"url": "https://www.facebook.com/gone", "error": "not_available",
         "errorDescription": "This content isn't available right now"},
        "This content isn't available right now",
    ),
    ({"error": "no_items"}, "no_items"),
    ({"error": {"code": 404, "message": "Profile not found"}}, "Profile not found"),
    ({"error": True, "message": "Timed out"}, "Timed out"),
    ({"error": ["blocked"]}, '["blocked"]'),
    ({"errorDescription": "Empty or private data"}, "Empty or private data"),
    ({"#error": True}, "true"),
    ({"noResults": True}, "nothing was found"),
    ({"succeeded": False, "title": "?"}, "nothing was found"),
    ({"status": "not_found"}, "nothing was found"),
    ({"status": 404, "element": None}, "nothing was found"),
    ({"success": False}, None),
    ({"success": "no", "errorMessage": "gone"}, "gone"),
    ({"error_message": "gone"}, "gone"),
]  # fmt: skip
NONE = [{"error": value} for value in (None, "", False, "false", {}, [])] + [
    {"errorDescription": ""},
    {"noResults": False},
    {"status": "success"},
    {"success": True, "error_message": "slow"},
]


@pytest.mark.parametrize(("item", "message"), ERRORS)
@pytest.mark.parametrize("kind", ["facebook", "linkedin"])
def test_an_item_with_an_error_is_a_failure(
    raw_call, add_business, row, kind, item, message
) -> None:
    business_id = str(add_business("a"))
    envelope = raw_call(
        "update_enrichment_batch",
        p_enrichment_type=kind,
        p_enrichments=[item | {"business_id": business_id}],
    )
    assert (envelope["updated"], envelope["failed"]) == (1, 0)
    stored = row(facebook_enrichments if kind == "facebook" else linkedin_enrichments)
    assert (stored.success, stored.error_message) == (False, message)
    business = row(businesses)
    # It is tried again before it is given up.
    assert business.enrichment_status == "pending"
    assert (business.needs_enrichment, business.linkedin_enriched) == (True, False)
    assert (business.enrichment_attempts, business.facebook_url) == (1, None)


@pytest.mark.parametrize("item", NONE)
def test_what_is_no_error_is_none(raw_call, add_business, row, item) -> None:
    given = item | {"business_id": str(add_business("a")), "title": "Hall"}
    raw_call("update_enrichment_batch", p_enrichment_type="facebook", p_enrichments=[given])
    assert row(facebook_enrichments).success is True
    assert row(businesses).enrichment_status == "enriched"


@pytest.mark.parametrize(
    ("kind", "table"), [("facebook", facebook_enrichments), ("linkedin", linkedin_enrichments)]
)
def test_a_failed_second_look_keeps_what_the_first_found_and_says_why_it_failed(
    store: CampaignStore, add_business, row, kind, table
) -> None:
    business_id = add_business("a")
    found = {"business_id": business_id, "email": "a@hall.fi", "phone": "+358 1"}
    store.update_enrichment_batch(kind, [found])
    before = row(table)
    store.update_enrichment_batch(kind, [{"business_id": business_id, "error": "blocked"}])
    after = row(table)
    assert (after.success, after.error_message) == (True, "blocked")
    assert (after.raw_data, after.primary_email) == (before.raw_data, "a@hall.fi")
    business = row(businesses)
    assert (business.email, business.enrichment_attempts) == ("a@hall.fi", 2)
    assert business.enrichment_status == ("enriched" if kind == "facebook" else "pending")
    assert business.linkedin_enriched is (kind == "linkedin")

    store.update_enrichment_batch(kind, [found])
    assert row(table).error_message is None


def test_of_one_batch_a_failure_does_not_win_over_what_was_found(
    store: CampaignStore, add_business, row
) -> None:
    business_id = add_business("a")
    result = store.update_enrichment_batch(
        "facebook",
        [
            {"business_id": business_id, "title": "Hall"},
            {"business_id": business_id, "error": "blocked"},
        ],
    )
    assert (result.updated, result.superseded) == (1, 1)
    assert (row(facebook_enrichments).page_name, row(businesses).enrichment_status) == (
        "Hall",
        "enriched",
    )
