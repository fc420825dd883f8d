"""A connection that died is replaced, and none that failed comes back to poison a later call."""

import asyncio

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from campaigndb import (
    AsyncCampaignStore,
    CampaignStore,
    DatabaseConnectionError,
    InvalidInputError,
    RetryPolicy,
    StoredFunctionError,
)
from campaigndb.calling.retries import NO_RETRY
from campaigndb.tables import campaigns

TERMINATE = text("""
    select pg_terminate_backend(pid, 5000)
    from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and usename = :role
""")


@pytest.fixture
def terminate_sessions(owner_engine, app_url):
    def terminate() -> int:
        with owner_engine.connect() as connection:
            return len(connection.execute(TERMINATE, {"role": app_url.username}).all())

    return terminate


def test_a_call_after_the_server_ended_the_session_succeeds(
    store: CampaignStore, campaign_id, terminate_sessions, row
) -> None:
    for number in range(1, 4):
        assert terminate_sessions() >= 1
        assert store.track_campaign_cost(campaign_id, "bouncer", 1, 1).new_total == number
    assert row(campaigns).actual_cost == 3


def test_without_a_retry_the_loss_is_an_error_and_the_next_call_is_fine(
    app_engine, campaign_id, terminate_sessions, nothing_changes
) -> None:
    store = CampaignStore(app_engine, schema="public", policies=NO_RETRY)
    store.update_campaign_statistics(campaign_id)
    assert terminate_sessions() >= 1
    with nothing_changes(), pytest.raises(DatabaseConnectionError) as caught:
        store.update_campaign_statistics(campaign_id)
    assert caught.value.retry_recommended is True
    assert store.update_campaign_statistics(campaign_id).total_businesses == 0


def test_a_session_ended_in_the_middle_of_a_block_repeats_the_block(
    store: CampaignStore, campaign_id, terminate_sessions, row
) -> None:
    attempts = []

    def block(bound):
        tracked = bound.track_campaign_cost(campaign_id, "bouncer", 1, 1)
        attempts.append(tracked)
        if len(attempts) == 1:
            assert terminate_sessions() >= 1
        return bound.track_campaign_cost(campaign_id, "facebook", 1, 1)

    assert store.run_in_transaction(block).new_total == 2
    assert len(attempts) == 2
    assert row(campaigns).actual_cost == 2


async def test_the_async_store_reconnects_too(
    async_store: AsyncCampaignStore, campaign_id, terminate_sessions
) -> None:
    await async_store.update_campaign_statistics(campaign_id)
    assert await asyncio.to_thread(terminate_sessions) >= 1
    tracked = await async_store.track_campaign_cost(campaign_id, "bouncer", 1, 1)
    assert tracked.new_total == 1


def test_failures_of_every_kind_leave_the_only_connection_of_a_pool_usable(
    app_url, campaign_id, nothing_changes
) -> None:
    engine = create_engine(app_url, pool_size=1, max_overflow=0, pool_timeout=1)
    store = CampaignStore(engine, schema="public", policies=NO_RETRY)

    def failing_block(bound):
        bound.track_campaign_cost(campaign_id, "bouncer", 1, 1)
        raise ZeroDivisionError

    failures = [
        (lambda: store.track_campaign_cost(campaign_id, "?", 1, 1), StoredFunctionError),
        (lambda: store.track_campaign_cost(campaign_id, "bouncer", 1, "?"), InvalidInputError),
        (lambda: store.get_businesses_for_enrichment(campaign_id, "?"), InvalidInputError),
        (lambda: store.run_in_transaction(failing_block), ZeroDivisionError),
        (lambda: store.insert_businesses_batch(campaign_id, "1", "?"), InvalidInputError),
    ]
    with nothing_changes():
        for fail, cls in failures * 3:
            with pytest.raises(cls):
                fail()
            assert engine.pool.checkedout() == 0
    # Nor does an earlier call's level or read-only mode stay with the connection.
    with engine.begin() as connection:
        level = connection.execute(text("show transaction_isolation")).scalar_one()
        assert level == "read committed"
        assert connection.execute(text("show transaction_read_only")).scalar_one() == "off"
    assert store.track_campaign_cost(campaign_id, "bouncer", 1, 1).new_total == 1
    engine.dispose()


def test_a_pool_without_a_free_connection_is_a_connection_error(app_url, campaign_id) -> None:
    engine = create_engine(app_url, pool_size=1, max_overflow=0, pool_timeout=0.05)
    store = CampaignStore(
        engine, schema="public", policies=RetryPolicy(attempts=2, first_wait=0.001)
    )
    with engine.connect():
        with pytest.raises(DatabaseConnectionError) as caught:
            store.update_campaign_statistics(campaign_id)
        assert (caught.value.attempts, caught.value.retry_recommended) == (2, True)
    assert store.update_campaign_statistics(campaign_id).total_businesses == 0
    engine.dispose()


def test_a_server_that_cannot_be_reached_is_a_connection_error(subtests) -> None:
    url = "postgresql+psycopg://nobody@127.0.0.1:1/nothing?connect_timeout=3"
    quick = RetryPolicy(attempts=3, first_wait=0.001)
    campaign_id = "00000000-0000-0000-0000-000000000000"
    with subtests.test("sync"):
        store = CampaignStore(create_engine(url), schema="public", policies=quick)
        with pytest.raises(DatabaseConnectionError) as caught:
            store.update_campaign_statistics(campaign_id)
        assert (caught.value.attempts, caught.value.error_code) == (3, None)
    with subtests.test("async"):
        async_store = AsyncCampaignStore(create_async_engine(url), schema="public", policies=quick)
        with pytest.raises(DatabaseConnectionError) as caught:
            asyncio.run(async_store.update_campaign_statistics(campaign_id))
        assert caught.value.attempts == 3
