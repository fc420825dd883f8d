"""Files as other sources would write the same places: made for one run, and stored nowhere."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from examples.helsinki.places import Place

# Every third place is in the table, every second one in Outscraper's file, every sixth in both.
IN_TABLE = slice(0, None, 3)
IN_OUTSCRAPER = slice(0, None, 2)
# Of Outscraper's places. Invented: these businesses are open.
CLOSED = slice(3, None, 15)

_COLUMNS = {
    "Place ID": "placeId",
    "Business Name": "title",
    "Address": "address",
    "City": "city",
    "Zip Code": "postalCode",
    "Phone Number": "phone",
    "Website": "website",
}


def write_purchased_files(folder: Path, places: Sequence[Place]) -> list[Path]:
    """A table as a spreadsheet saves it, and a result of Outscraper's API."""
    table, outscraper = folder / "bought.csv", folder / "outscraper.json"
    # Excel writes a byte order mark, and semicolons where the comma is for decimals.
    with table.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow([*_COLUMNS, "Email", "Facebook URL"])
        for place in places[IN_TABLE]:
            contacts = [", ".join(place["emails"]), next(iter(place["facebooks"]), None)]
            writer.writerow([*(place.get(name) for name in _COLUMNS.values()), *contacts])
    records = [_outscraper_record(place) for place in places[IN_OUTSCRAPER]]
    for record in records[CLOSED]:
        record["business_status"] = "CLOSED_PERMANENTLY"
    answer = {"id": "demo", "status": "Success", "data": [records]}
    outscraper.write_text(json.dumps(answer, ensure_ascii=False), encoding="utf-8")
    return [table, outscraper]


def _outscraper_record(place: Place) -> dict[str, Any]:
    emails = dict(zip(("email_1", "email_2", "email_3"), place["emails"], strict=False))
    spot = place.get("location", {})
    address = place.get("address")
    parts = (address, f"{place['postalCode']} {place['city']}", "Finland")
    return {
        "query": f"{place.get('categoryName')}, {place['postalCode']}, Helsinki, Finland",
        "name": place["title"],
        "place_id": place["placeId"],
        "full_address": ", ".join(part for part in parts if part),
        "street": address,
        "city": place["city"],
        "postal_code": place["postalCode"],
        "country_code": place["countryCode"],
        "latitude": spot.get("lat"),
        "longitude": spot.get("lng"),
        "site": place.get("website"),
        "phone": place.get("phone"),
        "type": place["categoryName"],
        "business_status": "OPERATIONAL",
        "facebook": next(iter(place["facebooks"]), None),
        **emails,
    }
