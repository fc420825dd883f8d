"""A known value is never replaced by an unknown one."""

from campaigndb import CampaignStore
from campaigndb.tables import businesses

FULL = {
    "place_id": "a",
    "name": "Kauppahalli",
    "address": "Eteläranta 1",
    "city": "Helsinki",
    "state": "Uusimaa",
    "postal_code": "00130",
    "country": "FI",
    "latitude": 60.1667,
    "longitude": 24.9529,
    "phone": "+358",
    "website": "https://vanhakauppahalli.fi",
    "email": "info@vanhakauppahalli.fi",
    "category": "Market",
    "categories": ["Market"],
    "description": "old market hall",
    "rating": 4.4,
    "reviews_count": 9,
    "price_level": "$$",
    "hours": {"mon": "8-18"},
    "facebook_url": "https://facebook.com/hall",
    "linkedin_url": "https://linkedin.com/hall",
    "instagram_url": "https://instagram.com/hall",
    "twitter_url": "https://twitter.com/hall",
}
# What a record says when it says nothing; none of it may reach a known value.
NOTHING = {
    "null": None,
    "blank": "  ",
    "not a value of the column": {"x": 1},
}
READ_AS_TEXT = ("address", "city", "state", "postal_code", "country", "phone", "website")
READ_AS_TEXT += ("category", "description", "price_level", "hours")
READ_AS_TEXT += ("facebook_url", "linkedin_url", "instagram_url", "twitter_url")


def known(business):
    return {
        name: value
        for name, value in business._mapping.items()
        if name in FULL or name == "email_source"
    }


def test_null_blank_and_unreadable_fields_replace_nothing(
    store: CampaignStore, campaign_id, row, subtests
) -> None:
    store.insert_businesses_batch(campaign_id, "1", [FULL])
    before = known(row(businesses))
    assert all(value is not None for value in before.values())
    for name, nothing in NOTHING.items():
        with subtests.test(name):
            record = {
                column: nothing
                for column in FULL
                # An object where a text belongs is its JSON text: that is a value.
                if name != "not a value of the column" or column not in READ_AS_TEXT
            } | {"place_id": "a", "name": "Kauppahalli"}
            if name == "blank":
                record["hours"] = None  # any JSON is a value for opening hours
            result = store.insert_businesses_batch(campaign_id, "1", [record])
            assert result.updated == 1
            assert known(row(businesses)) == before
            assert row(businesses).raw_data == record


def test_a_record_with_nothing_but_a_name_replaces_the_name_alone(
    store: CampaignStore, campaign_id, row
) -> None:
    store.insert_businesses_batch(campaign_id, "1", [FULL])
    before = known(row(businesses))
    store.insert_businesses_batch(campaign_id, "1", [{"place_id": "a", "name": "Wanha"}])
    assert known(row(businesses)) == before | {"name": "Wanha"}


def test_known_values_are_replaced_by_other_known_values(
    store: CampaignStore, campaign_id, row
) -> None:
    store.insert_businesses_batch(campaign_id, "1", [FULL])
    newer = FULL | {"city": "Espoo", "rating": 1, "categories": ["x", "y"], "hours": []}
    store.insert_businesses_batch(campaign_id, "1", [newer])
    business = row(businesses)
    assert (business.city, business.rating, business.categories) == ("Espoo", 1, ["x", "y"])
    assert business.hours == []


def test_an_update_leaves_what_enrichment_did(
    store: CampaignStore, campaign_id, row, add_business
) -> None:
    business_id = add_business("a")
    store.update_enrichment_batch(
        "facebook", [{"business_id": business_id, "facebook_url": "https://facebook.com/a"}]
    )
    store.update_enrichment_batch("linkedin", [{"business_id": business_id}])
    before = row(businesses)

    store.insert_businesses_batch(campaign_id, "1", [{"place_id": "a", "name": "again"}])

    after = row(businesses)
    assert after.name == "again"
    for column in (
        "id", "created_at", "facebook_url", "needs_enrichment", "enrichment_status",
        "enrichment_attempts", "last_enrichment_attempt", "linkedin_enriched",
    ):  # fmt: skip
        assert getattr(after, column) == getattr(before, column), column
    assert after.updated_at > before.updated_at
