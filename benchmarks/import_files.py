"""Importing a file with the command, compared with COPY of the same rows.

COPY's rows are in memory, in its own format: the server's work alone. The command is a process of
its own, as users run it: its start, reading the file, storing, and the campaign's counts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.business_rows import copy_prepared, copy_text, row_of
from benchmarks.database import BenchDatabase
from benchmarks.figures import Figure
from benchmarks.measurement import FUNCTION, Comparison, Variant
from benchmarks.run import Bench
from benchmarks.scraped_records import scraped_records

NAME = "import_files"
RECORDS = 40_000
# The most that an import may take, as a multiple of COPY's time.
COPY_LIMIT = Decimal("2")


def measure(bench: Bench) -> Iterator[Figure]:
    database = bench.database
    n = bench.size(RECORDS, 200)
    campaign_id = database.new_campaign()

    def tidy() -> None:
        database.delete_businesses(campaign_id)
        database.vacuum()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "places.jsonl"
        yield from bench.compare(
            Comparison(
                name=NAME,
                n=n,
                variants=[
                    Variant(
                        FUNCTION,
                        lambda _: _import(database, path, campaign_id),
                        prepare=lambda: _write(path, n),
                    ),
                    Variant(
                        "COPY",
                        lambda data: copy_prepared(database.owner, data),
                        prepare=lambda: _copy_rows(database, campaign_id, n),
                    ),
                ],
                baseline="COPY",
                discarded=0,
                tidy=tidy,
                ratio_limit=None if bench.quick else COPY_LIMIT,
            )
        )
    tidy()


def apify_records(n: int) -> Iterator[dict[str, Any]]:
    """Records with all that Apify's Google Maps scraper writes of a place, 2.3 KB each."""
    for number, record in enumerate(scraped_records(n)):
        place_id = record["placeId"]
        yield {
            **record,
            "subTitle": None,
            "price": "$$",
            "neighborhood": None,
            "phoneUnformatted": "+358401234567",
            "claimThisBusiness": False,
            "temporarilyClosed": False,
            "permanentlyClosed": False,
            "fid": f"0x{number:x}:0x{number * 7:x}",
            "cid": str(10**18 + number),
            "reviewsDistribution": {"oneStar": 1, "twoStar": 2, "threeStar": 3, "fourStar": 40},
            "imagesCount": number % 90,
            "imageCategories": ["All", "Latest", "Menu", "Food & drink", "Vibe", "By owner"],
            "scrapedAt": "2026-06-01T10:00:00.000Z",
            "reviewsTags": [{"title": f"terrace {tag}", "count": tag + 3} for tag in range(10)],
            "additionalInfo": {
                "Service options": [{"Delivery": True}, {"Takeout": True}, {"Dine-in": True}],
                "Amenities": [{"Wi-Fi": True}, {"Toilets": True}],
            },
            "placesTags": [],
            "gasPrices": [],
            "hotelAds": [],
            "url": "https://www.google.com/maps/search/?api=1&query=x&query_place_id=" + place_id,
            "searchPageUrl": "https://www.google.com/maps/search/restaurant/@60.17,24.93,14z?hl=en",
            "searchString": "restaurant",
            "language": "en",
            "rank": number % 120,
            "isAdvertisement": False,
            "imageUrl": "https://lh5.googleusercontent.com/p/" + place_id * 4 + "=w408-h306-k-no",
            "kgmid": f"/g/11{number:08x}",
        }


def _write(path: Path, n: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        for record in apify_records(n):
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _copy_rows(database: BenchDatabase, campaign_id: uuid.UUID, n: int) -> bytes:
    rows = (row_of(record, campaign_id, record.get("postalCode")) for record in apify_records(n))
    return copy_text(rows, database.owner)


def _import(database: BenchDatabase, path: Path, campaign_id: uuid.UUID) -> None:
    url = database.address.url.set(drivername="postgresql")
    environment = os.environ | {
        "DATABASE_URL": url.render_as_string(hide_password=False),
        "CAMPAIGNDB_SCHEMA": database.address.schema,
    }
    command = [sys.executable, "-m", "campaigndb.cli", "import", str(path), "--json"]
    done = subprocess.run(
        [*command, "--campaign", str(campaign_id)],
        env=environment,
        check=True,
        capture_output=True,
    )
    report = json.loads(done.stdout)
    assert report["inserted"] == report["records"]
