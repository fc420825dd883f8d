"""A campaign with all that a service shows of it."""

from __future__ import annotations

import uuid
from decimal import Decimal

import pytest

from campaigndb import MissingReferenceError


def test_it_counts_coverage_queues_leads_and_costs(store, campaign_id, add_business) -> None:
    business_id = add_business("one", email="a@kauppahalli.fi", facebook_url="facebook.com/halli")
    add_business("two")
    add_business("closed", email="c@kauppahalli.fi", business_status="closed_permanently")
    for place, email in ((business_id, "a@kauppahalli.fi"),):
        store.update_email_verification(place, email, {"status": "deliverable"})
    store.update_coverage_status(campaign_id, "00100", 3, 2, Decimal("0.5"))
    store.track_campaign_cost(campaign_id, "facebook", 2, Decimal("0.0040"))
    store.update_campaign_statistics(campaign_id)
    campaign = store.get_campaign(campaign_id)
    assert (campaign.campaign_id, campaign.name, campaign.status) == (
        campaign_id,
        "Helsinki",
        "draft",
    )
    assert dict(campaign.coverage) == {
        "zip_codes": 2,
        "scraped": 1,
        "businesses_found": 3,
        "emails_found": 2,
    }
    assert campaign.queues.facebook >= 2
    assert campaign.leads == 1
    assert campaign.total_businesses_found == 3
    assert campaign.costs.facebook == campaign.actual_cost == Decimal("0.0040")
    assert campaign.exports == ()


def test_a_campaign_that_is_none(store) -> None:
    with pytest.raises(MissingReferenceError):
        store.get_campaign(uuid.uuid4())
