"""Files to import, and what is in the database afterwards."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from campaigndb import CampaignStore
from campaigndb.operations.importer import ImportReport, ReadingOptions, import_files
from campaigndb.tables import businesses

WriteLines = Callable[..., Path]


def place(number: int, **values: Any) -> dict[str, Any]:
    """A record as the scraper writes it."""
    return {
        "placeId": f"place {number}",
        "title": f"Café {number}",
        "postalCode": f"{number % 3:05}",
        "emails": [f"info{number}@example.org"],
        **values,
    }


@pytest.fixture
def import_file() -> Callable[..., ImportReport]:
    """Imports one file; what is about its reading may be given beside the other options."""

    def run(store: CampaignStore, path: Path, **options: Any) -> ImportReport:
        names = ("file_format", "array", "encoding")
        reading = ReadingOptions(**{name: options.pop(name, None) for name in names})
        return import_files(store, [path], reading=reading, **options)

    return run


@pytest.fixture
def write_lines(tmp_path: Path) -> WriteLines:
    """Writes records, or lines as they are (text or bytes), as JSON lines."""

    def write(*records: Any, name: str = "places.jsonl") -> Path:
        path = tmp_path / name
        lines = [
            record
            if isinstance(record, bytes)
            else (record if isinstance(record, str) else json.dumps(record)).encode()
            for record in records
        ]
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        return path

    return write


@pytest.fixture
def places(owner_engine: Engine) -> Callable[[], dict[str, Any]]:
    """The businesses in the database by place_id; a place that is there twice fails."""

    def read() -> dict[str, Any]:
        with owner_engine.connect() as connection:
            rows = connection.execute(select(businesses).order_by(businesses.c.place_id)).all()
        found = {row.place_id: row for row in rows}
        assert len(found) == len(rows)
        return found

    return read
