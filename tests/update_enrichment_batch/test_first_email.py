"""Without a primary email it is the first listed text that can be an address."""

import pytest

from app import CampaignStore
from app.tables import businesses, facebook_enrichments, linkedin_enrichments

FACEBOOK = [
    (["not an email", "a@b.c"], "a@b.c"),
    (["", None, "info", "@b.c", " a@b.c\n", "later@b.c"], "a@b.c"),
    (["b@b.c", "a@b.c"], "b@b.c"),
    ("a@b.c", "a@b.c"),
    (["not an email", "a b@c.d"], None),
    ("not an email", None),
    ([], None),
]
LINKEDIN = [
    (["not an email", "found@b.c"], ["made@b.c"], "found@b.c"),
    (["not an email"], ["nor this", "made@b.c"], "made@b.c"),
    (None, ["nor this", "made@b.c", "later@b.c"], "made@b.c"),
    (["not an email"], ["nor this"], None),
]


@pytest.mark.parametrize(("emails", "expected"), FACEBOOK)
def test_of_facebook(store: CampaignStore, add_business, row, emails, expected) -> None:
    business_id = add_business("a")
    store.update_enrichment_batch("facebook", [{"business_id": business_id, "emails": emails}])
    assert row(facebook_enrichments).primary_email == row(businesses).email == expected


@pytest.mark.parametrize(("found", "generated", "expected"), LINKEDIN)
def test_of_linkedin(store: CampaignStore, add_business, row, found, generated, expected) -> None:
    business_id = add_business("a")
    item = {"business_id": business_id, "emails_found": found, "emails_generated": generated}
    store.update_enrichment_batch("linkedin", [item])
    assert row(linkedin_enrichments).primary_email == row(businesses).email == expected


def test_a_primary_email_that_is_none_does_not_hide_the_list(
    store: CampaignStore, add_business, row
) -> None:
    item = {"business_id": add_business("a"), "primary_email": "none", "emails": ["no", "a@b.c"]}
    store.update_enrichment_batch("facebook", [item])
    assert row(facebook_enrichments).primary_email == "a@b.c"
