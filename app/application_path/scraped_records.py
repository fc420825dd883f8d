"""A scraper's record as the columns of `gmaps_businesses`.

The one place of the application's own code that knows the names a record may use, and the same as
`app/functions/read_scraped_businesses.sql`, which a test holds it to. The table's own names win
over those of the Google Maps scrapers. What cannot be read becomes None: one dirty field must not
fail the batch, and the record itself is kept beside it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from app.application_path.checks import LARGEST_COUNT
from app.application_path.json_values import as_text
from app.application_path.scraped_values import (
    scraped_email,
    scraped_number,
    scraped_text,
    text_list,
)

Record = dict[str, Any]

_SMALLEST_DEGREE = Decimal("1e-300")

# The names of a text column's values, the first that is there wins; a name in brackets is a list
# whose first element is meant.
_TEXTS = {
    "address": ("address", "street"),
    "city": ("city",),
    "state": ("state",),
    "postal_code": ("postal_code", "postalCode"),
    "country": ("country", "countryCode", "country_code"),
    "phone": ("phone", "phoneUnformatted"),
    "website": ("website",),
    "category": ("category", "categoryName"),
    "description": ("description",),
    "price_level": ("price_level", "priceLevel", "price"),
    "facebook_url": ("facebook_url", "facebookUrl", ["facebooks"]),
    "linkedin_url": ("linkedin_url", "linkedinUrl", ["linkedIns"]),
    "instagram_url": ("instagram_url", "instagramUrl", ["instagrams"]),
    "twitter_url": ("twitter_url", "twitterUrl", ["twitters"]),
}


def read_scraped_business(record: Record) -> dict[str, Any]:
    """The columns that a record fills. `place_id` or `name` may be None: such a one is no place."""
    location = record.get("location")
    if not isinstance(location, dict):
        location = {}
    latitude = scraped_number(_first_known(record.get("latitude"), location.get("lat")))
    longitude = scraped_number(_first_known(record.get("longitude"), location.get("lng")))
    rating = scraped_number(_first_known(record.get("rating"), record.get("totalScore")))
    reviews = scraped_number(_first_known(record.get("reviews_count"), record.get("reviewsCount")))
    email = scraped_email(as_text(record.get("email")))
    if email is None:
        email = scraped_email(as_text(_first_element(record.get("emails"))))
    source = record.get("email_source")
    return {
        "place_id": _scalar(record, "place_id", "placeId"),
        "name": _scalar(record, "name", "title"),
        **{column: _text(record, names) for column, names in _TEXTS.items()},
        "latitude": _degrees(latitude, 90),
        "longitude": _degrees(longitude, 180),
        "email": email,
        "email_source": "not_found"
        if email is None
        else source
        if source in ("facebook", "linkedin")
        else "google_maps",
        "categories": text_list(record.get("categories")),
        "rating": None if rating is None or rating < 0 else rating,
        "reviews_count": None
        if reviews is None or not 0 <= reviews <= LARGEST_COUNT
        else int(reviews),
        "hours": _first_known(
            record.get("hours"), record.get("openingHours"), record.get("opening_hours")
        ),
        "needs_enrichment": record.get("needs_enrichment") is not False,
    }


def _degrees(number: Decimal | None, most: int) -> float | None:
    # Compared as it is: arithmetic, abs() included, would round it.
    if number is None or not -most <= number <= most:
        return None
    # What is too small for a double has no sign either.
    return 0.0 if -_SMALLEST_DEGREE < number < _SMALLEST_DEGREE else float(number)


def _scalar(record: Record, *names: str) -> str | None:
    for name in names:
        value = record.get(name)
        # An object or a list is not even looked at: the other name may be the right one.
        if isinstance(value, str):
            return scraped_text(value)
        if value is not None and not isinstance(value, (bool, list, dict)):
            return as_text(value)
    return None


def _text(record: Record, names: tuple[str | list[str], ...]) -> str | None:
    for name in names:
        value = record.get(name) if isinstance(name, str) else _first_element(record.get(name[0]))
        if value is not None:
            return scraped_text(as_text(value))
    return None


def _first_element(value: Any) -> Any:
    """As jsonb gives it: a value that is neither list nor object is a list of one."""
    if isinstance(value, list):
        return value[0] if value else None
    return None if isinstance(value, dict) else value


def _first_known(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)
