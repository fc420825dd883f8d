"""Without a primary email it is the first listed text that can be an address."""

import pytest

from campaigndb import CampaignStore
from campaigndb.tables import businesses, facebook_enrichments, linkedin_enrichments

FACEBOOK = [
    (["not an email", "a@b.co"], "a@b.co"),
    (["", None, "info", "@b.co", " a@b.co\n", "later@b.co"], "a@b.co"),
    (["b@b.co", "a@b.co"], "b@b.co"),
    ("a@b.co", "a@b.co"),
    (["not an email", "a b@c.de"], "b@c.de"),
    ("not an email", None),
    (None, None),
]
LINKEDIN = [
    (["not an email", "found@b.co"], ["made@b.co"], "found@b.co"),
    (["not an email"], ["nor this", "made@b.co"], "made@b.co"),
    (None, ["nor this", "made@b.co", "later@b.co"], "made@b.co"),
    (["not an email"], ["nor this"], None),
]


@pytest.mark.parametrize(("emails", "expected"), FACEBOOK)
def test_of_facebook(store: CampaignStore, add_business, row, emails, expected) -> None:
    business_id = add_business("a")
    item = {"business_id": business_id, "emails": emails, "title": "Hall"}
    store.update_enrichment_batch("facebook", [item])
    assert row(facebook_enrichments).primary_email == row(businesses).email == expected


@pytest.mark.parametrize(("found", "generated", "expected"), LINKEDIN)
def test_of_linkedin(store: CampaignStore, add_business, row, found, generated, expected) -> None:
    business_id = add_business("a")
    item = {"business_id": business_id, "emails_found": found, "success": True}
    item["emails_generated"] = generated
    store.update_enrichment_batch("linkedin", [item])
    assert row(linkedin_enrichments).primary_email == row(businesses).email == expected


def test_a_primary_email_that_is_none_does_not_hide_the_list(
    store: CampaignStore, add_business, row
) -> None:
    item = {"business_id": add_business("a"), "primary_email": "none", "emails": ["no", "a@b.co"]}
    store.update_enrichment_batch("facebook", [item])
    assert row(facebook_enrichments).primary_email == "a@b.co"
