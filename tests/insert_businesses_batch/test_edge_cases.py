"""One dirty field never fails a batch, and no text is too long for the column it is in."""

from decimal import Decimal
from types import MappingProxyType

from campaigndb import CampaignStore
from campaigndb.tables import businesses
from tests.support.wild_texts import KB_64, WILD_TEXTS

TEXT_COLUMNS = (
    "name", "address", "city", "state", "postal_code", "country", "phone", "website", "category",
    "description", "price_level", "facebook_url", "linkedin_url", "instagram_url", "twitter_url",
)  # fmt: skip


def read_back(store, campaign_id, rows, column, values):
    """What the column holds after each value was sent in a record of its own, in one batch."""
    result = store.insert_businesses_batch(
        campaign_id,
        "1",
        [{"place_id": f"{n:04}", "name": "x", column: value} for n, value in enumerate(values)],
    )
    assert (result.inserted, result.skipped) == (len(values), 0)
    stored = sorted(rows(businesses), key=lambda business: business.place_id)
    return [getattr(business, column) for business in stored]


def test_texts_of_every_kind_are_kept_in_every_text_column(
    store: CampaignStore, campaign_id, rows
) -> None:
    store.insert_businesses_batch(
        campaign_id,
        KB_64,
        [
            dict.fromkeys(TEXT_COLUMNS, text) | {"place_id": str(number), "categories": [text]}
            for number, text in enumerate(WILD_TEXTS)
        ],
    )
    stored = {business.place_id: business for business in rows(businesses)}
    for number, text in enumerate(WILD_TEXTS):
        business = stored[str(number)]
        assert [getattr(business, column) for column in TEXT_COLUMNS] == [text] * len(TEXT_COLUMNS)
        assert business.categories == [text]
        assert business.zip_code == KB_64


def test_place_ids_of_every_kind_are_kept(store: CampaignStore, campaign_id, rows) -> None:
    place_ids = {text for text in WILD_TEXTS if text != KB_64} | {"x" * 1000, "日" * 333}
    store.insert_businesses_batch(
        campaign_id, "1", [{"place_id": place_id, "name": "x"} for place_id in place_ids]
    )
    assert {business.place_id for business in rows(businesses)} == place_ids


def test_an_email_that_is_longer_than_any_mail_server_takes_is_none(
    store: CampaignStore, campaign_id, row
) -> None:
    email = f"{KB_64}@example.com"
    store.insert_businesses_batch(
        campaign_id, "1", [{"place_id": "a", "name": "x", "email": email}]
    )
    assert (row(businesses).email, row(businesses).raw_data["email"]) == (None, email)


def test_numbers_may_be_texts_and_dirty_ones_are_unknown(
    store: CampaignStore, campaign_id, rows
) -> None:
    values = {
        4.5: Decimal("4.5"),
        "4.5": Decimal("4.5"),
        " 4.5\n": Decimal("4.5"),
        Decimal("4.12345678"): Decimal("4.12345678"),
        0: Decimal(0),
        "+3.": Decimal(3),
        "4,5": Decimal("4.5"),
        5: Decimal(5),
        **dict.fromkeys(
            ["NaN", "Infinity", "-1", "5.1", "1e3", "4.5/5", "", "\u20034.5", "４", "9" * 41], None
        ),
        10**30: None,
        10**50: None,
        float("1e300"): None,
    }
    assert read_back(store, campaign_id, rows, "rating", list(values)) == list(values.values())


def test_counts_of_reviews_are_whole_and_in_range_or_unknown(
    store: CampaignStore, campaign_id, rows
) -> None:
    values = [0, "12", 4.7, 2**31 - 1, 2**31, -1, "many", [1], {"a": 1}, True, None, "1" * 65536]
    assert read_back(store, campaign_id, rows, "reviews_count", values) == [
        *[0, 12, 4, 2**31 - 1],
        *[None] * 8,
    ]


def test_coordinates_are_on_the_globe_or_unknown(store: CampaignStore, campaign_id, rows) -> None:
    values = [90, "-90", 60.5, 90.0001, "NaN", "60°", "\u00a060", 10**400, [], None]
    assert read_back(store, campaign_id, rows, "latitude", values) == [90, -90, 60.5, *[None] * 7]


def test_nested_garbage_in_every_field_fails_nothing(
    store: CampaignStore, campaign_id, rows
) -> None:
    fields = (
        *TEXT_COLUMNS[1:], "street", "postalCode", "countryCode", "country_code", "latitude",
        "longitude", "location", "phoneUnformatted", "email", "emails", "email_source",
        "categoryName", "categories", "rating", "totalScore", "reviews_count", "reviewsCount",
        "priceLevel", "price", "hours", "openingHours", "opening_hours", "facebookUrl",
        "facebooks", "linkedinUrl", "linkedIns", "instagramUrl", "instagrams", "twitterUrl",
        "twitters", "needs_enrichment",
    )  # fmt: skip
    garbage = [
        None, True, False, 0, -1, 1e-7, 10**40, "", "x", [], {}, [None], [[]], [{}], {"lat": []},
        {"lat": {"lat": 1}, "lng": "x"}, [[["a@example.com"]]], [{"0": "x"}], [1, "two", None],
    ]  # fmt: skip
    batch = [
        {"place_id": f"{field}-{number}", "name": "x", field: value}
        for field in fields
        for number, value in enumerate(garbage)
    ]
    result = store.insert_businesses_batch(campaign_id, "1", batch)
    assert (result.inserted, result.rejected) == (len(batch), ())
    stored = {business.place_id: business.raw_data for business in rows(businesses)}
    assert stored == {record["place_id"]: record for record in batch}


def test_the_records_own_word_says_whether_it_needs_enrichment(
    store: CampaignStore, campaign_id, rows
) -> None:
    values = [False, True, None, 0, "false", "TRUE", 1, []]
    stored = read_back(store, campaign_id, rows, "needs_enrichment", values)
    assert stored == [False, True, False, False, False, True, True, False]


def test_characters_that_postgresql_cannot_store_are_replaced(
    store: CampaignStore, campaign_id, row
) -> None:
    store.insert_businesses_batch(
        campaign_id, "1", [{"place_id": "a\x00", "name": "half \udc00", "k\x00": "\\u0000 \\\x00"}]
    )
    business = row(businesses)
    assert (business.place_id, business.name) == ("a\ufffd", "half \ufffd")
    assert business.raw_data["k\ufffd"] == "\\u0000 \\\ufffd"


def test_any_mapping_is_a_record(store: CampaignStore, campaign_id, row) -> None:
    record = {"place_id": "a", "name": "x", "location": MappingProxyType({"lat": 1, "lng": 2})}
    store.insert_businesses_batch(campaign_id, "1", [MappingProxyType(record)])
    assert (row(businesses).latitude, row(businesses).longitude) == (1, 2)


def test_ten_thousand_records_go_in_and_change_at_once(
    store: CampaignStore, campaign_id, rows
) -> None:
    batch = [
        {"placeId": f"place-{number}", "title": f"Business {number}", "emails": ["a@example.com"]}
        for number in range(10_000)
    ]
    assert store.insert_businesses_batch(campaign_id, "1", batch).inserted == 10_000
    for record in batch[::2]:
        record["title"] += " and Sons"
    result = store.insert_businesses_batch(campaign_id, "1", batch)
    assert (result.updated, result.skipped) == (5_000, 5_000)
    names = {business.place_id: business.name for business in rows(businesses)}
    assert names == {record["placeId"]: record["title"] for record in batch}
