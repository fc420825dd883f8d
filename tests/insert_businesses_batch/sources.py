"""A record of every source, as it sends them, with the columns that are to be filled from it."""

from __future__ import annotations

from typing import Any

from tests.vectors.records import RECORDS

# By source: a record, and what is expected of it.
SAMPLES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    each["name"]: (each["record"], each["expected"]) for each in RECORDS if each.get("listed")
}
