"""A long count may use several of the server's processes, as the same query alone may."""

from __future__ import annotations

import re

import psycopg
from sqlalchemy.engine import URL

from campaigndb import CampaignStore
from tests.support.waiting import wait_until

# Workers even for a few rows.
FREE_WORKERS = (
    "set parallel_setup_cost = 0",
    "set parallel_tuple_cost = 0",
    "set min_parallel_table_scan_size = 0",
    "set min_parallel_index_scan_size = 0",
    "set max_parallel_workers_per_gather = 2",
    # A few rows' index is no cheaper than the few rows.
    "set enable_indexonlyscan = off",
)
TELL_PLANS = (
    "load 'auto_explain'",
    "set auto_explain.log_min_duration = 0",
    "set auto_explain.log_analyze = on",
    "set auto_explain.log_nested_statements = on",
    "set client_min_messages = log",
)


def test_the_count_starts_parallel_workers(
    store: CampaignStore, database_url: URL, campaign_id
) -> None:
    records = [{"place_id": str(number), "name": "x"} for number in range(500)]
    store.insert_businesses_batch(campaign_id, "1", records)
    told: list[str] = []
    with psycopg.connect(
        database_url.set(drivername="postgresql").render_as_string(hide_password=False),
        autocommit=True,
    ) as connection:
        connection.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
        connection.execute("analyze gmaps_businesses")
        for statement in (*FREE_WORKERS, *TELL_PLANS):
            connection.execute(statement)

        def starts_workers() -> bool:
            told.clear()
            ((envelope,),) = connection.execute(
                "select update_campaign_statistics(%s)", [campaign_id]
            ).fetchall()
            assert envelope["total_businesses"] == 500
            (plan,) = (each for each in told if "count(*) filter" in each)
            return re.search(r"Workers Launched: [1-9]", plan) is not None

        # Other tests' queries may have all of the server's workers for a moment.
        wait_until(starts_workers)
