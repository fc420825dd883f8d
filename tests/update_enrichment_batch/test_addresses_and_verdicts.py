"""Every address of an item is kept with its source, and a verdict in an item is one."""

import pytest

from campaigndb import CampaignStore
from campaigndb.tables import (
    business_emails,
    businesses,
    email_verifications,
    facebook_enrichments,
    linkedin_enrichments,
)


def test_every_address_of_every_item_is_kept_with_its_source(
    store: CampaignStore, add_business, rows
) -> None:
    business_id = add_business("a", email="site@hall.fi")
    store.update_enrichment_batch(
        "facebook",
        [
            {"business_id": business_id, "emails": ["first@hall.fi, second@hall.fi", "x@2x.png"]},
            {"business_id": business_id, "email": "last@hall.fi"},
        ],
    )
    store.update_enrichment_batch(
        "linkedin",
        [
            {
                "business_id": business_id,
                "primary_email": "guess@hall.fi",
                "emails_found": ["aino@hall.fi", "SITE@hall.fi"],
                "emails_generated": ["guess@hall.fi", "other@hall.fi"],
            }
        ],
    )
    assert {stored.email: stored.source for stored in rows(business_emails)} == {
        "site@hall.fi": "linkedin",
        "first@hall.fi": "facebook",
        "second@hall.fi": "facebook",
        "last@hall.fi": "facebook",
        "guess@hall.fi": "generated",
        "aino@hall.fi": "linkedin",
        "other@hall.fi": "generated",
    }


@pytest.mark.parametrize("word", ["generated", "pattern_match"])
def test_a_primary_address_that_was_made_by_a_pattern_is_a_guess(
    store: CampaignStore, add_business, row, word
) -> None:
    item = {"business_id": add_business("a"), "primary_email": "a@hall.fi", "email_source": word}
    store.update_enrichment_batch("linkedin", [item])
    assert row(business_emails).source == "generated"
    assert row(businesses).email_source == "linkedin"


def test_a_verdict_that_comes_with_an_item_is_one_of_its_primary_address(
    store: CampaignStore, other_campaign_id, add_business, row, rows
) -> None:
    business_id = add_business("a")
    elsewhere = add_business("b", other_campaign_id)
    store.update_enrichment_batch("facebook", [{"business_id": elsewhere, "email": "b@b-ltd.fi"}])
    item = {
        "business_id": business_id, "primary_email": "b@b-ltd.fi", "emails_found": ["c@b-ltd.fi"],
        "bouncer_status": "deliverable", "bouncer_score": 95, "bouncer_is_safe": True,
        "is_role_based": "no", "email_verified": True,
    }  # fmt: skip
    store.update_enrichment_batch("linkedin", [item])
    for holder in (
        row(businesses, id=business_id),
        row(businesses, id=elsewhere),
        row(linkedin_enrichments),
    ):
        assert (holder.email_verified, holder.bouncer_status) == (True, "deliverable")
        assert (holder.bouncer_score, holder.is_safe, holder.is_role_based) == (95, True, False)
        assert holder.bouncer_verified_at is not None
    assert row(email_verifications).email == "b@b-ltd.fi"
    assert [stored.status for stored in rows(business_emails, email="c@b-ltd.fi")] == [None]


def test_that_an_address_is_not_verified_is_no_verdict(
    store: CampaignStore, add_business, row, rows
) -> None:
    item = {"business_id": add_business("a"), "email": "a@hall.fi", "email_verified": False}
    store.update_enrichment_batch("facebook", [item | {"bouncer_status": None, "is_safe": None}])
    assert rows(email_verifications) == []
    assert (row(businesses).bouncer_status, row(facebook_enrichments).is_safe) == (None, None)


def test_a_verdict_of_the_address_elsewhere_is_taken_over(
    store: CampaignStore, other_campaign_id, add_business, row
) -> None:
    verified = add_business("a", email="info@chain.fi")
    store.update_email_verification(verified, "info@chain.fi", {"status": "deliverable"})
    business_id = add_business("b", other_campaign_id)
    store.update_enrichment_batch(
        "facebook", [{"business_id": business_id, "email": "info@chain.fi"}]
    )
    assert row(businesses, id=business_id).email_verified is True
    assert row(facebook_enrichments).bouncer_status == "deliverable"
