"""An email that comes back in other letters is the same email: what was verified of it stays."""

import pytest

from campaigndb import CampaignStore
from campaigndb.tables import businesses, facebook_enrichments, linkedin_enrichments

VERIFICATION = (
    "email_verified",
    "bouncer_status",
    "bouncer_score",
    "is_safe",
    "is_disposable",
    "is_role_based",
    "is_free_email",
    "bouncer_verified_at",
)
TYPES = [("facebook", facebook_enrichments), ("linkedin", linkedin_enrichments)]
ANSWER = {
    "status": "deliverable",
    "score": 97,
    "is_disposable": False,
    "is_role_based": True,
    "is_free_email": False,
}


def verification(row):
    return tuple(getattr(row, column) for column in VERIFICATION)


@pytest.mark.parametrize(("kind", "enrichments"), TYPES)
def test_an_email_in_another_case_keeps_its_verification(
    store: CampaignStore, add_business, row, kind, enrichments
) -> None:
    business_id = add_business("a", email="info@shop.fi")
    store.update_enrichment_batch(
        kind, [{"business_id": business_id, "primary_email": "info@shop.fi"}]
    )
    store.update_email_verification(business_id, "info@shop.fi", ANSWER)
    verified = verification(row(businesses)), verification(row(enrichments))
    assert [of_row[:3] for of_row in verified] == [(True, "deliverable", 97)] * 2

    store.update_enrichment_batch(
        kind, [{"business_id": business_id, "primary_email": "Info@Shop.FI"}]
    )

    # The business keeps the letters that were seen first; the enrichment is what its source says.
    assert (row(businesses).email, row(enrichments).primary_email) == (
        "info@shop.fi",
        "Info@Shop.FI",
    )
    assert (verification(row(businesses)), verification(row(enrichments))) == verified


@pytest.mark.parametrize(("kind", "enrichments"), TYPES)
def test_another_email_is_not_verified_by_the_first_ones_verdict(
    store: CampaignStore, add_business, row, kind, enrichments
) -> None:
    business_id = add_business("a")
    store.update_enrichment_batch(
        kind, [{"business_id": business_id, "primary_email": "info@shop.fi"}]
    )
    store.update_email_verification(business_id, "info@shop.fi", ANSWER)
    store.update_enrichment_batch(
        kind, [{"business_id": business_id, "primary_email": "INFO@SHOPS.FI"}]
    )
    assert (row(businesses).email, row(businesses).email_verified) == ("info@shop.fi", True)
    assert row(enrichments).primary_email == "INFO@SHOPS.FI"
    assert row(enrichments).email_verified is False

    store.update_email_verification(business_id, "info@shops.fi", ANSWER)
    assert row(enrichments).email_verified is True
