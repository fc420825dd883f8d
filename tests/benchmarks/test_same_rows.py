"""What is compared must do the same work: every way of inserting writes the same rows."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.business_rows import (
    COLUMNS,
    copy_and_merge,
    copy_prepared,
    copy_records,
    copy_text,
    copy_with_addresses,
    row_of,
    stored_rows,
    upsert_many,
    upsert_records,
    upsert_row_by_row,
)
from benchmarks.database import BenchDatabase
from benchmarks.scraped_records import records_of, scraped_records
from examples.helsinki.places import read_places

Records = list[dict[str, Any]]
ZIP_CODE = "00100"


def through_copy_prepared(database: BenchDatabase, campaign: uuid.UUID, records: Records) -> None:
    copy_prepared(database.owner, prepared(database, campaign, records))


def through_copy_and_merge(database: BenchDatabase, campaign: uuid.UUID, records: Records) -> None:
    copy_and_merge(database.owner, prepared(database, campaign, records))


def through_copy(database: BenchDatabase, campaign: uuid.UUID, records: Records) -> None:
    copy_records(database.owner, records, campaign, ZIP_CODE)


def through_core(database: BenchDatabase, campaign: uuid.UUID, records: Records) -> None:
    with database.owner_engine.begin() as connection:
        upsert_records(connection, records, campaign, ZIP_CODE)


def through_core_many(database: BenchDatabase, campaign: uuid.UUID, records: Records) -> None:
    with database.owner_engine.begin() as connection:
        upsert_many(connection, records, campaign, ZIP_CODE)


def row_by_row(database: BenchDatabase, campaign: uuid.UUID, records: Records) -> None:
    with database.owner_engine.begin() as connection:
        upsert_row_by_row(connection, records, campaign, ZIP_CODE)


def prepared(database: BenchDatabase, campaign: uuid.UUID, records: Records) -> bytes:
    rows = [row_of(record, campaign, ZIP_CODE) for record in records]
    return copy_text(rows, database.owner)


def stored(database: BenchDatabase, campaign: uuid.UUID) -> list[tuple[Any, ...]]:
    """All columns that are written, less the campaign itself."""
    columns = ", ".join(name for name in COLUMNS if name != "campaign_id")
    return database.query(
        f"select {columns} from gmaps_businesses where campaign_id = %(campaign)s "
        'order by place_id collate "C"',
        {"campaign": campaign},
    )


def all_kinds_of_records() -> Records:
    """Every real one, and one that has all that the real ones lack."""
    records = scraped_records(len(read_places()))
    full = copy.deepcopy(records[0]) | {
        "title": '  Café \\ "quoted"\n',
        "categories": ["Café", " ", 'a,b{}"\\'],
        "description": "tab\there\\N",
        "totalScore": 4.5,
        "reviewsCount": 12,
        "price": "€€",
        "linkedIns": ["https://linkedin.com/company/x"],
        "twitters": ["https://twitter.com/x"],
        "emails": ["no address"],
    }
    return [*records[1:], full]


@pytest.mark.parametrize(
    "insert",
    [
        through_copy_prepared,
        through_copy_and_merge,
        through_copy,
        through_core,
        through_core_many,
        row_by_row,
    ],
)
def test_the_rows_are_those_that_the_function_writes(
    database: BenchDatabase, insert: Callable[[BenchDatabase, uuid.UUID, Records], None]
) -> None:
    records = all_kinds_of_records()
    through_function, otherwise = database.new_campaign(), database.new_campaign()
    database.store.insert_businesses_batch(through_function, ZIP_CODE, records)
    expected = stored(database, through_function)
    assert len(expected) == len(records)
    database.delete_businesses(through_function)

    insert(database, otherwise, records)
    assert stored(database, otherwise) == expected


def test_copy_with_addresses_writes_what_the_function_writes(database: BenchDatabase) -> None:
    campaign = database.new_campaign()
    addresses = "select business_id, email, source from gmaps_business_emails order by 1, 2"
    records = [*all_kinds_of_records(), *records_of("outscraper", 2)]
    database.store.insert_businesses_batch(campaign, ZIP_CODE, records)
    expected = stored(database, campaign), database.query(addresses, {})
    assert len(expected[1]) > 2
    rows = stored_rows(database.owner, records)
    database.delete_businesses(campaign)

    copy_with_addresses(database.owner, rows)
    assert (stored(database, campaign), database.query(addresses, {})) == expected
