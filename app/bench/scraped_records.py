"""Records as the scraper emits them, in any number: real places under new ids."""

from __future__ import annotations

import base64
import itertools
import os
from functools import lru_cache
from typing import Any

from app.demo.places import Place, read_places


@lru_cache(maxsize=1)
def _places() -> list[Place]:
    return read_places()


def scraped_records(n: int) -> list[dict[str, Any]]:
    """`n` records of places that no earlier call returned."""
    return [
        {**place, "placeId": _place_id()}
        for place in itertools.islice(itertools.cycle(_places()), n)
    ]


def _place_id() -> str:
    """In Google's form. Neighbours on the map are none in the index, as with the real ones."""
    return "ChIJ" + base64.urlsafe_b64encode(os.urandom(18))[:23].decode()
