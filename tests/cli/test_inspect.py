"""`campaigndb inspect`: what an import would read, by source and column; nothing is written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.support.database_state import unchanged

CampaignDb = Callable[..., Any]

RECORDS: dict[str, dict[str, Any]] = {
    "Apify crawler-google-places": {
        "title": "A",
        "placeId": "1",
        "categoryName": "Dentist",
        "totalScore": 4.5,
        "searchString": "x",
    },
    "gosom/google-maps-scraper": {
        "input_id": "a1",
        "title": "B",
        "place_id": "2",
        "web_site": "http://b.example/",
        "complete_address": {"city": "Poli"},
    },
    "Outscraper": {
        "name": "C",
        "place_id": "3",
        "full_address": "1 Way",
        "site": "http://c.example",
    },
    "SerpApi": {
        "title": "D",
        "place_id": "4",
        "data_id": "0x1:0x2",
        "gps_coordinates": {"latitude": 1.5, "longitude": 2.5},
        "reviews_link": "https://serpapi.com/search.json?x",
    },
    "ScrapingDog": {
        "title": "E",
        "place_id": "5",
        "gps_coordinates": {"latitude": 1.5, "longitude": 2.5},
        "reviews_link": "https://api.scrapingdog.com/google_maps/reviews?x",
    },
    "Serper": {"title": "F", "placeId": "6", "ratingCount": 7, "phoneNumber": "+1", "cid": "6"},
    "omkarcloud/google-maps-scraper": {
        "name": "G",
        "place_id": "7",
        "main_category": "Bar",
        "workday_timing": "9-5",
    },
    "Google Places API (legacy)": {
        "name": "I",
        "place_id": "9",
        "formatted_address": "1 Way",
        "user_ratings_total": 4,
    },
    "Local Business Data": {"name": "J", "place_id": "10", "business_id": "0x1:0x2"},
    "the table's own names": {"place_id": "12", "name": "L", "rating": 4.5},
}


@pytest.mark.parametrize("source", RECORDS)
def test_the_source_of_each_record_is_named(
    campaigndb: CampaignDb, tmp_path: Path, source: str
) -> None:
    path = tmp_path / "places.json"
    path.write_text(json.dumps([RECORDS[source]]))
    [found] = json.loads(campaigndb("inspect", path, "--json").stdout)
    assert (found["records"], found["rejected"], found["sources"]) == (1, 0, {source: 1})


def test_it_shows_what_is_filled_what_is_not_read_and_what_is_rejected(
    campaigndb: CampaignDb, owner_engine: Engine, tmp_path: Path
) -> None:
    path = tmp_path / "places.json"
    records = [
        {"placeId": str(number), "title": "x", "totalScore": score, "moons": 2, "rings": None}
        for number, score in enumerate((4.5, None, "unreadable", 3))
    ]
    path.write_text(json.dumps({"data": {"items": [*records, {"title": "no place"}, 7]}}))

    with unchanged(owner_engine):
        result = campaigndb("inspect", path)

    assert (result.exit_code, result.stderr) == (0, "")
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == [f"{path}:", "6", "records"]
    assert result.stdout.splitlines()[1] == "  read as: JSON, records under data.items, UTF-8"
    assert "  source: Apify crawler-google-places (4)" in result.stdout.splitlines()
    assert ["place_id", "4", "100%"] in lines
    assert ["rating", "2", "50%"] in lines
    assert "  keys that are not read (raw_data keeps them): moons" in result.stdout.splitlines()
    assert lines[-3] == ["rejected:", "2"]
    assert lines[-2][:2] == ["record", "5:"]
    assert lines[-1] == ["record", "6:", "not", "a", "JSON", "object"]


def test_several_files_are_inspected_and_a_damaged_one_is_named(
    campaigndb: CampaignDb, tmp_path: Path
) -> None:
    table = tmp_path / "a.csv"
    table.write_text("place_id;name;mood\n1;One;good\n")
    damaged = tmp_path / "b.json"
    damaged.write_text('[{"placeId": "2", "title": "x"}, {')
    result = campaigndb("inspect", table, damaged, "--json")
    assert result.exit_code == 2
    assert result.stderr.endswith("the JSON ends too early: the file is cut off\n")
    [found] = json.loads(result.stdout)
    assert (found["read_as"], found["unread"]) == ("a table with semicolons, UTF-8", {"mood": 1})


def test_nothing_that_can_be_stored_is_exit_code_1(campaigndb: CampaignDb, tmp_path: Path) -> None:
    path = tmp_path / "places.json"
    path.write_text('[{"title": "no place"}]')
    assert campaigndb("inspect", path).exit_code == 1


def test_it_says_what_it_needs_a_database_for(
    campaigndb: CampaignDb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "places.json"
    path.write_text("[]")
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    result = campaigndb("inspect", path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("campaigndb: no database is at hand (")
    assert "inspect needs a migrated database, whose functions know what is read" in result.stderr
