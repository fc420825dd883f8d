"""What the benchmark says of the function's plan is seen from what the function reads."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from benchmarks.database import BenchDatabase
from benchmarks.update_campaign_statistics import reads_the_index_only
from tests.support.waiting import wait_until


def all_are_visible(database: BenchDatabase) -> bool:
    ((pages, visible),) = database.query(
        "select relpages, relallvisible from pg_class where oid = 'gmaps_businesses'::regclass", {}
    )
    return bool(pages == visible)


@pytest.mark.parametrize(
    ("refused", "is_index_only"),
    [
        (("seqscan", "bitmapscan"), True),
        (("seqscan", "bitmapscan", "indexonlyscan"), False),
        (("seqscan", "indexscan"), False),
    ],
)
def test_only_an_index_only_scan_is_one(
    database: BenchDatabase, refused: tuple[str, ...], is_index_only: bool
) -> None:
    campaign_id = database.campaign_with_businesses(500)
    # The tests' server commits before it has written: until then no row is known to be visible.
    wait_until(lambda: database.vacuum() or all_are_visible(database))
    with database.owner_engine.begin() as connection:
        # What others read before on the same connection is not the function's.
        connection.execute(text("select count(name) from gmaps_businesses")).one()
    with database.owner_engine.begin() as connection:
        for scan in refused:
            connection.execute(text(f"set local enable_{scan} = off"))
        assert reads_the_index_only(connection, campaign_id) is is_index_only
