"""A batch of usual records is read without a call of a function for each of them.

A function that is not inlined costs more than all that is done with most fields.
"""

from __future__ import annotations

import json
from collections import Counter

import psycopg
import pytest
from sqlalchemy.engine import URL

from benchmarks.scraped_records import scraped_records
from tests.migrations.catalog import connect

RECORDS = 200


@pytest.fixture
def calls(database_url: URL, campaign_id):
    """Calls of each function while a batch of records is inserted."""

    def called(records: list[dict]) -> Counter[str]:
        with connect(database_url) as connection:
            connection.execute("set track_functions to 'all'")
            (answer,) = connection.execute(
                "select insert_businesses_batch(%s, null, %s)",
                [campaign_id, json.dumps(records)],
            ).fetchone() or ({},)
            assert answer["inserted"] == len(records)
            return Counter(dict(_calls(connection)))

    return called


def _calls(connection: psycopg.Connection) -> list[tuple[str, int]]:
    return connection.execute("select funcname, calls from pg_stat_xact_user_functions").fetchall()


def test_no_function_is_called_for_each_record(calls) -> None:
    records = [
        {
            **record,
            "title": f"Kauppahalli {number}",
            "emails": [f"info@shop{number}.fi"],
            "website": f"https://www.shop{number}.com/menu",
            "facebooks": [f"https://www.facebook.com/shop{number}"],
            "reviewsCount": number,
            "totalScore": 4.5,
        }
        for number, record in enumerate(scraped_records(RECORDS))
    ]
    assert max(calls(records).values()) < RECORDS / 10


def test_absent_texts_cost_no_call(calls) -> None:
    records = [
        {"place_id": f"p{number}", "name": f"Shop {number}", "reviews_count": 1}
        for number in range(RECORDS)
    ]
    assert max(calls(records).values()) < RECORDS / 10
