"""Records go in as scrapers emit them; what cannot be read is null, and the record is kept."""

from decimal import Decimal

from campaigndb import AsyncCampaignStore, CampaignStore
from campaigndb.tables import businesses

RECORD = {
    "placeId": "ChIJ-1",
    "title": "Café Engel",
    "street": "not used where there is an address",
    "address": "Aleksanterinkatu 26",
    "city": "Helsinki",
    "state": "Uusimaa",
    "postalCode": "00170",
    "countryCode": "FI",
    "location": {"lat": 60.1695, "lng": 24.9525},
    "phone": "+358 9 652776",
    "website": "https://cafeengel.fi",
    "emails": ["info@cafeengel.fi", "second@cafeengel.fi"],
    "facebooks": ["https://facebook.com/cafeengel", "https://facebook.com/other"],
    "linkedIns": ["https://linkedin.com/company/cafeengel"],
    "instagrams": ["https://instagram.com/cafeengel"],
    "twitters": ["https://twitter.com/cafeengel"],
    "categoryName": "Café",
    "categories": ["Café", "", "Restaurant", None],
    "description": "A café by the cathedral",
    "totalScore": 4.3,
    "reviewsCount": 2716,
    "price": "$$",
    "openingHours": [{"day": "Monday", "hours": "8 AM to 9 PM"}],
}
# The same place under the table's own names.
CANONICAL = {
    "place_id": "ChIJ-1",
    "name": "Café Engel",
    "address": "Aleksanterinkatu 26",
    "city": "Helsinki",
    "state": "Uusimaa",
    "postal_code": "00170",
    "country": "FI",
    "latitude": 60.1695,
    "longitude": "24.9525",
    "phone": "+358 9 652776",
    "website": "https://cafeengel.fi",
    "email": "info@cafeengel.fi",
    "category": "Café",
    "categories": ["Café", "Restaurant"],
    "description": "A café by the cathedral",
    "rating": "4.3",
    "reviews_count": 2716,
    "price_level": "$$",
    "hours": [{"day": "Monday", "hours": "8 AM to 9 PM"}],
    "facebook_url": "https://facebook.com/cafeengel",
    "linkedin_url": "https://linkedin.com/company/cafeengel",
    "instagram_url": "https://instagram.com/cafeengel",
    "twitter_url": "https://twitter.com/cafeengel",
}


def is_cafe_engel(business) -> None:
    stored = business._mapping
    for column, value in CANONICAL.items():
        if column in ("latitude", "longitude"):
            value = float(value)
        elif column == "rating":
            value = Decimal(value)
        assert stored[column] == value, column
    assert business.email_source == "google_maps"
    assert business.needs_enrichment is True  # there is a page
    assert business.enrichment_status == "pending"
    assert (business.enrichment_attempts, business.linkedin_enriched) == (0, False)
    assert (business.email_verified, business.bouncer_status) == (False, None)


def test_a_scrapers_record_fills_every_column(store: CampaignStore, campaign_id, row) -> None:
    store.insert_businesses_batch(campaign_id, "00170", [RECORD])

    business = row(businesses)
    is_cafe_engel(business)
    assert (business.campaign_id, business.zip_code) == (campaign_id, "00170")
    assert business.raw_data == RECORD


def test_the_tables_own_names_do_the_same(store: CampaignStore, campaign_id, row) -> None:
    store.insert_businesses_batch(campaign_id, "00170", [CANONICAL])
    is_cafe_engel(row(businesses))


def test_the_tables_own_names_win_over_the_scrapers(store: CampaignStore, campaign_id, row) -> None:
    other_values = {
        "placeId": "other",
        "title": "Other",
        "totalScore": 1,
        "emails": ["other@example.com"],
        "facebooks": ["https://facebook.com/other"],
        "location": {"lat": 1, "lng": 1},
        "postalCode": "99999",
    }
    store.insert_businesses_batch(campaign_id, "00170", [CANONICAL | other_values])
    is_cafe_engel(row(businesses))


def test_every_helsinki_record_goes_in_as_it_is(
    store: CampaignStore, campaign_id, rows, helsinki_places
) -> None:
    result = store.insert_businesses_batch(campaign_id, None, helsinki_places)

    assert (result.inserted, result.total) == (len(helsinki_places), len(helsinki_places))
    assert (result.updated, result.skipped, result.rejected) == (0, 0, ())
    stored = {business.place_id: business for business in rows(businesses)}
    assert len(stored) == len(helsinki_places)
    for record in helsinki_places:
        business = stored[record["placeId"]]
        assert business.raw_data == record
        assert business.name == record["title"]
        assert business.postal_code == record.get("postalCode")
        assert business.phone == record.get("phone")
        assert business.website == record.get("website")
        assert business.category == record.get("categoryName")
        assert business.email == (record["emails"][0] if record["emails"] else None)
        assert business.email_source == ("google_maps" if record["emails"] else "not_found")
        # A page that is given as the website is the page.
        website = record.get("website") or ""
        assert business.facebook_url in (*record["facebooks"][:1], website) or (
            business.facebook_url is None and not record["facebooks"]
        )
        location = record.get("location", {})
        assert (business.latitude, business.longitude) == (location.get("lat"), location.get("lng"))
        assert business.hours == record.get("openingHours")


def test_the_dirty_rows_of_helsinki_keep_what_they_say(
    store: CampaignStore, campaign_id, row, helsinki_places
) -> None:
    [dirty] = [place for place in helsinki_places if place["placeId"] == "osm:n4952414764"]
    assert dirty["phone"].startswith("https://")
    assert len(dirty["postalCode"]) == 6

    store.insert_businesses_batch(campaign_id, "00120", [dirty])

    business = row(businesses)
    assert (business.phone, business.postal_code) == (dirty["phone"], dirty["postalCode"])


def test_a_batch_sent_twice_changes_nothing(
    store: CampaignStore, campaign_id, helsinki_places, nothing_changes
) -> None:
    store.insert_businesses_batch(campaign_id, "00100", helsinki_places)
    with nothing_changes():
        again = store.insert_businesses_batch(campaign_id, "00100", reversed(helsinki_places))
    assert (again.inserted, again.updated) == (0, 0)
    assert again.skipped == again.total == len(helsinki_places)


async def test_the_async_store_does_the_same(
    async_store: AsyncCampaignStore, campaign_id, row
) -> None:
    result = await async_store.insert_businesses_batch(campaign_id, "00170", iter([RECORD]))
    assert (result.inserted, result.total) == (1, 1)
    is_cafe_engel(row(businesses))
