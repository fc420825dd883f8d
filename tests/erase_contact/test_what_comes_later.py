"""What brings an erased address again is stored without it, and without whose it is."""

from __future__ import annotations

import pytest

from campaigndb import MissingReferenceError
from campaigndb.tables import businesses, facebook_enrichments, linkedin_enrichments
from tests.erase_contact.conftest import PERSON

RECORD = {"place_id": "p0", "name": "Hall"}


@pytest.fixture(autouse=True)
def erased(store, campaign_id) -> None:
    store.erase_contact("anna@shop.fi")


@pytest.mark.parametrize(
    "fields",
    [
        {"email": "ANNA@shop.fi"},
        {"emails": ["anna@shop.fi", "info@shop.fi"]},
        {"emails/0": "Anna@Shop.fi", "emails/1": "info@shop.fi"},
        {"description": "Write to\nanna@shop.fi. Or\tanna@shop.fi"},
        {"website": "https://shop.fi/?to=anna@shop.fi", "note": "mailto:anna%40shop.fi"},
        {"contacts": [{"name": "Anna Virtanen", "email": "anna@shop.fi"}, {"email": "b@shop.fi"}]},
        {"note": "<anna&#64;shop.fi>", "anna@shop.fi": {"x": 1}},
    ],
    ids=lambda fields: next(iter(fields)),
)
@pytest.mark.parametrize("first", [False, True], ids=["a new place", "a known place"])
def test_a_record(store, campaign_id, found, row, fields, first) -> None:
    if first:
        store.insert_businesses_batch(campaign_id, "1", [RECORD])
    result = store.insert_businesses_batch(
        campaign_id, "1", [RECORD | fields, {"place_id": "p1", "name": "X"}]
    )
    assert result.inserted + result.updated == 2
    assert found("anna@shop.fi", "anna\\%40", "anna&#64", "virtanen") == {}
    business = row(businesses, place_id="p0")
    assert business.email in (None, "info@shop.fi", "b@shop.fi")
    # Sent again it is the same record.
    again = store.insert_businesses_batch(campaign_id, "1", [RECORD | fields])
    assert (again.updated, again.skipped) == (0, 1)


def test_items_of_enrichments(store, add_business, found, row) -> None:
    business = add_business("p0")
    result = store.update_enrichment_batch(
        "facebook",
        [
            {
                "business_id": business,
                "page_name": "Hall",
                "emails": ["anna@shop.fi", "info@shop.fi"],
            }
        ],
    )
    assert (result.updated, row(facebook_enrichments).emails) == (1, ["info@shop.fi"])
    result = store.update_enrichment_batch(
        "linkedin",
        [
            {
                "business_id": business,
                "company_name": "Hall Oy",
                "emails_found": ["anna@shop.fi"],
                "emails_generated": ["a.virtanen@shop.fi"],
                "about": "Anna Virtanen",
                **PERSON,
            }
        ],
    )
    assert (result.updated, result.failed) == (1, 0)
    linkedin = row(linkedin_enrichments)
    assert (linkedin.company_name, linkedin.person_name, linkedin.success) == (
        "Hall Oy",
        None,
        True,
    )
    assert row(businesses).linkedin_enriched
    assert found("anna", "virtanen", "steam") == {}


def test_a_page_of_a_company_keeps_what_is_the_company_s(store, add_business, found, row) -> None:
    store.update_enrichment_batch(
        "linkedin",
        [
            {
                "business_id": add_business("p0"),
                "linkedin_url": "https://linkedin.com/company/hall",
                "name": "Hall Oy",
                "emails_found": ["anna@shop.fi", "info@shop.fi"],
            }
        ],
    )
    linkedin = row(linkedin_enrichments)
    assert (linkedin.company_name, linkedin.emails_found) == ("Hall Oy", ["info@shop.fi"])
    assert found("anna") == {}


def test_verifiers_answers(store, add_business, found) -> None:
    business = add_business("p0", email="ana@shop.fi")
    store.update_email_verification(
        business, "ana@shop.fi", {"status": "undeliverable", "suggestion": "anna@shop.fi"}
    )
    with pytest.raises(MissingReferenceError):
        store.update_email_verification(business, "anna@shop.fi", {"status": "deliverable"})
    result = store.update_email_verifications_batch(
        [
            {"business_id": business, "email": "anna@shop.fi", "status": "deliverable"},
            {
                "business_id": business,
                "email": "ana@shop.fi",
                "status": "risky",
                "reason": "Anna@shop.fi",
            },
        ]
    )
    assert (result.updated, result.failed) == (1, 1)
    assert found("anna@shop.fi") == {}


def test_texts_of_leads(store, add_business, found) -> None:
    store.set_lead_texts([{"business_id": add_business("p0"), "icebreaker": "Hello anna@shop.fi"}])
    assert found("anna@shop.fi") == {}


def test_off_the_list_it_is_stored_again(store, campaign_id, row) -> None:
    store.unsuppress_contacts(["anna@shop.fi"])
    store.insert_businesses_batch(campaign_id, "1", [RECORD | {"email": "anna@shop.fi"}])
    assert row(businesses).email == "anna@shop.fi"


def test_what_is_only_suppressed_stays_in_the_records(store, campaign_id, found) -> None:
    store.suppress_contacts(["eero@shop.fi"])
    store.insert_businesses_batch(campaign_id, "1", [RECORD | {"email": "eero@shop.fi"}])
    assert found("eero@shop.fi") == {"gmaps_businesses": 1}
