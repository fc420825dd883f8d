"""A queue that is nearly worked off is as quick as a short one, also beside an old snapshot."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import Connection, Engine, text

from campaigndb import CampaignStore

COUNT = 10_000
LEFT = 100

FILL = text("""
    insert into gmaps_businesses (id, campaign_id, place_id, name, facebook_url, needs_enrichment)
    select gen_random_uuid(), :campaign, 'p' || n, 'n', 'https://facebook.com/p' || n, true
    from generate_series(1, :count) as n
""")
READ = text("""
    select sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid))::bigint
    from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'i')
""")


def rows_read(connection: Connection, call: str, campaign_id: uuid.UUID) -> tuple[int, int]:
    """How many rows a call returns, and how many rows and index entries it reads for them."""
    with connection.begin() as transaction:
        before = connection.scalar(READ)
        found = connection.execute(text(call), {"campaign": campaign_id}).all()
        after = connection.scalar(READ)
        transaction.rollback()
    assert before is not None
    assert after is not None
    return len(found), after - before


@pytest.mark.parametrize("queue", ["facebook", "linkedin"])
@pytest.mark.parametrize("by_claims", [False, True], ids=["read", "claimed"])
def test_the_first_page_does_not_read_what_is_done(
    store: CampaignStore, owner_engine: Engine, campaign_id, queue: str, by_claims: bool
) -> None:
    calls = [
        f"select * from get_businesses_for_enrichment(:campaign, '{queue}', {LEFT})",
        f"select * from get_enrichment_queue_page(:campaign, '{queue}', {LEFT})",
        "select * from jsonb_array_elements("
        f"claim_businesses_for_enrichment(:campaign, '{queue}', {LEFT}) -> 'businesses')",
    ]
    with owner_engine.begin() as connection:
        connection.execute(text("alter table gmaps_businesses set (autovacuum_enabled = off)"))
        connection.execute(FILL, {"campaign": campaign_id, "count": COUNT})
    with (
        owner_engine.connect().execution_options(isolation_level="REPEATABLE READ") as old_snapshot,
        owner_engine.connect() as connection,
    ):
        old_snapshot.execute(text("select count(*) from gmaps_businesses"))
        for _ in range((COUNT - LEFT) // 1100):
            if by_claims:
                batch = store.claim_businesses_for_enrichment(campaign_id, queue, 1100).businesses
            else:
                batch = store.get_businesses_for_enrichment(campaign_id, queue, 1100)
            done = [{"business_id": business.business_id, "success": True} for business in batch]
            assert store.update_enrichment_batch(queue, done).updated == 1100
        for call in calls:
            found, read = rows_read(connection, call, campaign_id)
            assert found == LEFT
            assert read < 25 * LEFT, call
