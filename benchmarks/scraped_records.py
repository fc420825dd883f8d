"""Records as the scraper emits them, in any number: real places under new ids."""

from __future__ import annotations

import base64
import itertools
import os
import secrets
from functools import lru_cache
from typing import Any

from examples.helsinki.places import Place, read_places
from tests.insert_businesses_batch.sources import SAMPLES


@lru_cache(maxsize=1)
def _places() -> list[Place]:
    return read_places()


def scraped_records(n: int) -> list[dict[str, Any]]:
    """`n` records of places that no earlier call returned."""
    return [
        {**place, "placeId": _place_id()}
        for place in itertools.islice(itertools.cycle(_places()), n)
    ]


def canonical_records(n: int) -> list[dict[str, Any]]:
    """The same with the table's own names."""
    return [
        {
            "place_id": record["placeId"],
            "name": record["title"],
            "category": record.get("categoryName"),
            "postal_code": record.get("postalCode"),
            "country": record.get("countryCode"),
            "latitude": record.get("location", {}).get("lat"),
            "longitude": record.get("location", {}).get("lng"),
            "email": next(iter(record["emails"]), None),
            "email_source": "google_maps",
            "reviews_count": None,
            "hours": record.get("openingHours"),
            **{name: record.get(name) for name in ("address", "city", "phone", "website")},
        }
        for record in scraped_records(n)
    ]


def records_of(source: str, n: int) -> list[dict[str, Any]]:
    """`n` records of a source of the tests, each of another place."""
    sample, _ = SAMPLES[source]
    return [_another_place(sample, secrets.randbits(59)) for _ in range(n)]


_PLACE_IDS = {"place_id", "placeid", "google_place_id", "id"}
_NUMBERS = {"cid", "data_cid", "google_cid"}
_DATA_IDS = {"data_id", "fid", "google_id", "business_id", "feature_id"}


def _another_place(value: Any, number: int, name: str = "") -> Any:
    """The value with another identity and other addresses."""
    if isinstance(value, dict):
        return {key: _another_place(each, number, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_another_place(each, number) for each in value]
    if not isinstance(value, str):
        return value
    name = name.lower().replace(" ", "_")
    if name in _PLACE_IDS or (name == "name" and value.startswith("places/")):
        return f"{value}{number}"
    if name in _NUMBERS:
        return str(number)
    if name in _DATA_IDS:
        return f"0x89:{number:#x}"
    return value.replace("@", f"{number}@")


def _place_id() -> str:
    """In Google's form. Neighbours on the map are none in the index, as with the real ones."""
    return "ChIJ" + base64.urlsafe_b64encode(os.urandom(18))[:23].decode()
