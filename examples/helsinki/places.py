"""The places that the demo's scraper finds: real ones of Helsinki (see data/LICENSE.md)."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any

PLACES_FILE = Path(__file__).parent / "data" / "helsinki_places.jsonl"

Place = dict[str, Any]


def read_places(limit: int | None = None) -> list[Place]:
    """The file's first `limit` records (default: all) as a scraper emits them, dirt included."""
    with PLACES_FILE.open(encoding="utf-8") as lines:
        places = [json.loads(line) for line in lines]
    return places[:limit]


def by_zip_code(places: list[Place]) -> dict[str, list[Place]]:
    """The places of each postal code, which stays a text: `00100`, and a mistyped `000120`."""

    def zip_code(place: Place) -> str:
        return str(place["postalCode"])

    return {code: list(group) for code, group in groupby(sorted(places, key=zip_code), zip_code)}
