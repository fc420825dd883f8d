"""The counters are what the businesses say at that moment."""

from campaigndb import AsyncCampaignStore, CampaignStore
from campaigndb.calling.results import CampaignStatistics
from campaigndb.tables import businesses, campaigns

COUNTERS = (
    "total_businesses_found",
    "total_emails_found",
    "total_facebook_pages_found",
    "total_linkedin_profiles_found",
    "total_verified_emails",
)


def stored_counters(campaign):
    return tuple(getattr(campaign, name) for name in COUNTERS)


def test_an_empty_campaign_counts_nothing(store: CampaignStore, campaign_id) -> None:
    assert store.update_campaign_statistics(campaign_id) == CampaignStatistics(
        total_businesses=0,
        total_emails=0,
        total_facebook_pages=0,
        total_linkedin_profiles=0,
        total_verified_emails=0,
    )


def test_businesses_are_counted_by_what_is_known_of_them(
    store: CampaignStore, campaign_id, other_campaign_id, row, rows
) -> None:
    store.insert_businesses_batch(
        campaign_id,
        "1",
        [
            {"place_id": "a", "name": "x"},
            {"place_id": "b", "name": "x", "email": "b@example.com"},
            {"place_id": "c", "name": "x", "email": "c@example.com", "facebook_url": "f"},
            {"place_id": "d", "name": "x", "facebook_url": "f", "linkedin_url": "l"},
            {"place_id": "e", "name": "x", "linkedin_url": "l", "email": "no address"},
        ],
    )
    store.insert_businesses_batch(
        other_campaign_id, "1", [{"place_id": "f", "name": "x", "email": "f@example.com"}]
    )
    store.update_email_verification(
        row(businesses, place_id="b").id, "b@example.com", {"status": "deliverable"}
    )
    store.update_email_verification(
        row(businesses, place_id="c").id, "c@example.com", {"status": "undeliverable"}
    )

    counted = store.update_campaign_statistics(campaign_id)

    expected = (5, 2, 2, 2, 1)
    assert (
        counted.total_businesses,
        counted.total_emails,
        counted.total_facebook_pages,
        counted.total_linkedin_profiles,
        counted.total_verified_emails,
    ) == expected
    assert stored_counters(row(campaigns, id=campaign_id)) == expected
    assert stored_counters(row(campaigns, id=other_campaign_id)) == (0, 0, 0, 0, 0)


def test_enrichment_counts_from_the_next_time_on(
    store: CampaignStore, campaign_id, add_business
) -> None:
    business_id = add_business("a")
    assert store.update_campaign_statistics(campaign_id).total_emails == 0
    store.update_enrichment_batch(
        "linkedin",
        [{"business_id": business_id, "primary_email": "a@b.fi", "linkedin_url": "l"}],
    )
    counted = store.update_campaign_statistics(campaign_id)
    assert (counted.total_emails, counted.total_linkedin_profiles) == (1, 1)


def test_costs_and_coverage_are_left_alone(store: CampaignStore, campaign_id, row) -> None:
    store.track_campaign_cost(campaign_id, "bouncer", 1, "0.5")
    before = row(campaigns)
    store.update_campaign_statistics(campaign_id)
    after = row(campaigns)
    changed = {name for name in after._mapping if after._mapping[name] != before._mapping[name]}
    assert changed == {"updated_at"}


def test_ten_thousand_businesses_are_counted(store: CampaignStore, campaign_id) -> None:
    store.insert_businesses_batch(
        campaign_id,
        "1",
        [
            {"place_id": str(n), "name": "x", "email": f"{n}@example.com" if n % 3 == 0 else None}
            for n in range(10_000)
        ],
    )
    counted = store.update_campaign_statistics(campaign_id)
    assert (counted.total_businesses, counted.total_emails) == (10_000, 3_334)


async def test_the_async_store_does_the_same(
    async_store: AsyncCampaignStore, campaign_id, add_business
) -> None:
    add_business("a", email="a@example.com")
    counted = await async_store.update_campaign_statistics(campaign_id)
    assert (counted.total_businesses, counted.total_emails) == (1, 1)
