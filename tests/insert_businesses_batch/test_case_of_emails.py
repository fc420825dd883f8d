"""An email that comes back in other letters is the same email, and stays as it first came."""

import pytest

from campaigndb import CampaignStore
from campaigndb.tables import businesses


@pytest.mark.parametrize("email", ["Info@shop.fi", "INFO@SHOP.FI", "info@Shop.fi"])
def test_an_email_in_another_case_keeps_its_verification(
    store: CampaignStore, add_business, row, email: str
) -> None:
    business_id = add_business("a", email="info@shop.fi")
    store.update_email_verification(
        business_id,
        "info@shop.fi",
        {
            "status": "deliverable",
            "score": 97,
            "is_disposable": False,
            "is_role_based": True,
            "is_free_email": False,
        },
    )
    verified_at = row(businesses).bouncer_verified_at

    add_business("a", email=email)

    business = row(businesses)
    assert (business.email, business.email_verified) == ("info@shop.fi", True)
    assert (
        business.bouncer_status,
        business.bouncer_score,
        business.is_safe,
        business.is_disposable,
        business.is_role_based,
        business.is_free_email,
        business.bouncer_verified_at,
    ) == ("deliverable", 97, True, False, True, False, verified_at)


def test_another_email_is_another_one_in_any_case(store: CampaignStore, add_business, row) -> None:
    business_id = add_business("a", email="info@shop.fi")
    store.update_email_verification(business_id, "INFO@shop.fi", {"status": "deliverable"})
    assert row(businesses).email_verified is True
    add_business("a", email="INFO@SHOPS.FI")
    assert (row(businesses).email, row(businesses).email_verified) == ("info@shop.fi", True)
