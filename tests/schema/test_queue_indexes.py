"""Each enrichment queue has a partial index that holds the queue only, in the queue's order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

Rows = Callable[[str], list[tuple[Any, ...]]]

QUEUES = {
    "idx_businesses_queue_facebook": "needs_enrichment and enrichment_status = 'pending'",
    "idx_businesses_queue_linkedin": "not linkedin_enriched",
    "idx_businesses_queue_verification": "email is not null"
    " and coalesce(bouncer_status, 'unknown') = 'unknown'",
}


@pytest.fixture
def filled(owner: psycopg.Connection[Any]) -> None:
    """20,000 businesses of one campaign; ten wait for each enrichment."""
    owner.execute(
        """
        with campaign as (insert into gmaps_campaigns (name) values ('x') returning id)
        insert into gmaps_businesses
          (campaign_id, place_id, name, enrichment_status, linkedin_enriched, email)
        select campaign.id, n, n, case when n % 2000 = 0 then 'pending' else 'enriched' end,
          n % 2000 <> 1, case when n % 2000 = 2 then n || '@a.fi' end
        from campaign, generate_series(1, 20000) as n;
        """
    )
    owner.execute("analyze gmaps_businesses")


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(("index", "condition"), QUEUES.items(), ids=QUEUES)
def test_a_page_of_the_queue_reads_its_index_alone_and_sorts_nothing(
    rows: Rows, index: str, condition: str
) -> None:
    position = "verification_position" if "verification" in index else "queue_position"
    plan = "\n".join(
        line
        for (line,) in rows(
            "explain select * from gmaps_businesses"
            f" where campaign_id = (select id from gmaps_campaigns) and {condition}"
            " and coalesce(business_status, 'operational') = 'operational'"
            f" order by {position}, id limit 100"
        )
    )
    assert f"using {index} " in plan
    assert "Sort" not in plan


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("index", QUEUES)
def test_businesses_that_are_done_take_no_room_in_it(rows: Rows, index: str) -> None:
    assert rows(f"select reltuples::int from pg_class where relname = '{index}'") == [(10,)]
