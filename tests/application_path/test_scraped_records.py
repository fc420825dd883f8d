"""The names a record may use: Python's copy of them reads every record as SQL's does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import Engine, text

from app.application_path.scraped_records import read_scraped_business
from app.json_codec import dump_json, load_json
from tests.wild_texts import WILD_TEXTS

FIELDS = (
    "place_id", "placeId", "name", "title", "address", "street", "city", "state", "postal_code",
    "postalCode", "country", "countryCode", "country_code", "latitude", "longitude", "location",
    "phone", "phoneUnformatted", "website", "email", "emails", "email_source", "category",
    "categoryName", "categories", "description", "rating", "totalScore", "reviews_count",
    "reviewsCount", "price_level", "priceLevel", "price", "hours", "openingHours",
    "opening_hours", "facebook_url", "facebookUrl", "facebooks", "linkedin_url", "linkedinUrl",
    "linkedIns", "instagram_url", "instagramUrl", "instagrams", "twitter_url", "twitterUrl",
    "twitters", "needs_enrichment",
)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, -0.0, 1.0, 4.7, 1e-7, 1.5e16, 1e22, 10**39, 10**40 - 1, 10**40,
    -(10**40), 2**31 - 1, 2**31, 2147483647.5, 90.0001, 180, 180.5, "", " ", " \t\r\n", "x",
    " x ", "\x0bx", "\u00a0x\u2003", "4.5", " 4.5\n", "+3.", "-0", "4,5", "1e3", ".5", "NaN",
    "Infinity", "４", "9" * 40, "9" * 41, "90." + "0" * 30 + "1", "false", "true", "facebook",
    "linkedin", "a@b.fi", " a@b.fi ", "a@b@c", "a b@c.fi", "a\x0bb@c.fi", "@", "a@", "@b",
    "a@b.fi\n",
    [], {}, [None], [[]], [{}], [""], [" ", "x"], ["a@b.fi"], [["a@b.fi"]], ["no", "a@b.fi"],
    [{"b": 1, "a": [1.50, None, True, 'quote " \\ / \u2028 \x01 ä'], "": {}}],
    [1, "two", None, 3.5, [4], {"five": 5}], [0.1, 1e-7, 1e22, -0.0],
    {"lat": 1, "lng": 2}, {"lat": "1.5", "lng": None}, {"lat": []}, {"lat": {"lat": 1}},
    {"bb": 1, "a": 2, "ää": 3, "aaa": [], "é": 1e-7, "z": {"y": {"x": None}}},
    *WILD_TEXTS,
)  # fmt: skip


@pytest.fixture
def read_by_sql(owner_engine: Engine) -> Any:
    statement = text(
        "select * from read_scraped_businesses(cast(:records as jsonb)) order by index"
    )

    def read(records: list[Any] | str) -> list[dict[str, Any]]:
        written = records if isinstance(records, str) else dump_json(records, "records")
        with owner_engine.connect() as connection:
            rows = connection.execute(statement, {"records": written})
            return [dict(row) for row in rows.mappings()]

    return read


def agree(records: list[Any] | str, read: list[dict[str, Any]]) -> None:
    # As they arrive after a call has made JSON of them.
    arrived = load_json(records if isinstance(records, str) else dump_json(records, "records"))
    assert len(read) == len(arrived)
    for record, expected in zip(arrived, read, strict=True):
        del expected["index"], expected["record"]
        found = read_scraped_business(record)
        # As jsonb's driver gives it: JSON without Decimal.
        found["hours"] = json.loads(json.dumps(found["hours"], default=float))
        assert found == expected, record
        if found["rating"] is not None:  # with the same decimals, too
            assert format(found["rating"], "f").lstrip("-") == format(expected["rating"], "f")


def test_every_helsinki_place_is_read_alike(helsinki_places: Any, read_by_sql: Any) -> None:
    agree(helsinki_places, read_by_sql(helsinki_places))


def test_odd_values_under_every_name_are_read_alike(read_by_sql: Any) -> None:
    records = [{field: value} for field in FIELDS for value in ODD_VALUES]
    agree(records, read_by_sql(records))


@pytest.mark.parametrize(
    "number", ["1e-400", "-1e-400", "1e-16000", "-1e-16000", "2.4e-324", "-1e-299"]
)
def test_numbers_that_python_never_writes_are_read_alike(read_by_sql: Any, number: str) -> None:
    records = [f'{{"{field}": {number}}}' for field in FIELDS]
    records += [f'{{"location": {{"lat": {number}, "lng": {number}}}}}']
    written = f"[{', '.join(records)}]"
    agree(written, read_by_sql(written))


def test_every_name_is_known_to_both_in_the_same_order(read_by_sql: Any) -> None:
    full: dict[str, Any] = {field: f"{field}@x" for field in FIELDS}
    full |= {field: [f"{field}@x"] for field in FIELDS if field.endswith("s") and field != "hours"}
    full |= {"latitude": 1, "location": {"lat": 2, "lng": 3}, "rating": 4, "totalScore": 5}
    full |= {"reviews_count": 6, "reviewsCount": 7, "opening_hours": ["8"], "address": "9"}
    # Without the names of each prefix, so that every name is the first one once.
    records = [
        {field: value for field, value in full.items() if field not in FIELDS[:start]}
        for start in range(len(FIELDS))
    ]
    records += [{field: None if value else value} for field, value in full.items()]
    agree(records, read_by_sql(records))
