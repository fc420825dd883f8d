"""Records as the scraper emits them, in any number: real places under new ids."""

from __future__ import annotations

import itertools
import uuid
from functools import lru_cache
from typing import Any

from app.demo.places import Place, read_places


@lru_cache(maxsize=1)
def _places() -> list[Place]:
    return read_places()


def scraped_records(n: int) -> list[dict[str, Any]]:
    """`n` records of places that no earlier call returned."""
    prefix = uuid.uuid4().hex
    return [
        {**place, "placeId": f"{prefix}:{number}"}
        for number, place in enumerate(itertools.islice(itertools.cycle(_places()), n))
    ]
