"""The gate is free before the disk has answered, and a call is answered only afterwards."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, Engine
from sqlalchemy.ext.asyncio import create_async_engine

from campaigndb import AsyncCampaignStore, CallTimeoutError, CampaignStore, DatabaseConnectionError
from campaigndb.calling.gate import FLUSH
from campaigndb.calling.retries import NO_RETRY
from tests.conftest import APP_ROLE
from tests.faults.ledger import entries
from tests.support.waiting import blocked, wait_until, wait_until_blocked

DISK = 4711  # an advisory lock in the place of a slow disk


def test_nobody_waits_at_the_gate_for_anothers_flush(
    store: CampaignStore,
    owner_engine: Engine,
    campaign_id: uuid.UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with owner_engine.connect() as disk, ThreadPoolExecutor(1) as thread:
        disk.execute(text(f"select pg_advisory_lock({DISK})"))
        with monkeypatch.context() as patch:
            patch.setattr(
                "campaigndb.calling.execution.FLUSH", f"SELECT pg_advisory_xact_lock({DISK})"
            )
            slow = thread.submit(store.track_campaign_cost, campaign_id, "bouncer", 1, 1)
            wait_until(lambda: len(entries(owner_engine)) == 1)
        # The first is committed, and its gate is free: another cost goes through.
        assert store.track_campaign_cost(campaign_id, "bouncer", 1, 1).new_total == 2
        assert not slow.done()
        disk.execute(text(f"select pg_advisory_unlock({DISK})"))
        assert slow.result(timeout=20).new_total == 1


@pytest.fixture
def first_flush_hangs(owner_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with owner_engine.begin() as connection:
        connection.exec_driver_sql("create sequence flushes")  # counts through rollbacks
        connection.exec_driver_sql(f"grant usage on sequence flushes to {APP_ROLE}")
    hangs = "SELECT pg_sleep(case when nextval('public.flushes') = 1 then 60 else 0 end)"
    monkeypatch.setattr("campaigndb.calling.execution.FLUSH", hangs)


@pytest.mark.usefixtures("first_flush_hangs")
def test_a_call_cancelled_after_its_commit_gets_its_first_result(
    app_url: URL, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    engine = create_engine(app_url, connect_args={"options": "-c statement_timeout=300ms"})
    tracked = CampaignStore(engine, schema="public").track_campaign_cost(
        campaign_id, "bouncer", 1, 1
    )
    assert (tracked.new_total, tracked.replayed) == (1, True)
    assert len(entries(owner_engine)) == 1
    engine.dispose()


@pytest.mark.usefixtures("first_flush_hangs")
async def test_an_asynchronous_one_does_too(
    app_url: URL, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    engine = create_async_engine(app_url, connect_args={"options": "-c statement_timeout=300ms"})
    store = AsyncCampaignStore(engine, schema="public")
    tracked = await store.track_campaign_cost(campaign_id, "bouncer", 1, 1)
    assert (tracked.new_total, tracked.replayed) == (1, True)
    assert len(entries(owner_engine)) == 1
    await engine.dispose()


@pytest.mark.usefixtures("first_flush_hangs")
def test_a_repeated_call_that_times_out_does_not_claim_that_nothing_was_written(
    app_url: URL, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    engine = create_engine(app_url, connect_args={"options": "-c statement_timeout=300ms"})
    store = CampaignStore(engine, schema="public")

    with owner_engine.connect() as connection, ThreadPoolExecutor(1) as thread:
        call = thread.submit(store.track_campaign_cost, campaign_id, "bouncer", 1, 1)
        wait_until(lambda: len(entries(owner_engine)) == 1)
        connection.execute(
            text("select from gmaps_campaigns where id = :id for update"), {"id": campaign_id}
        )
        wait_until_blocked(owner_engine)
        wait_until(lambda: not blocked(connection))
        connection.rollback()
        tracked = call.result(timeout=20)
    assert (tracked.new_total, tracked.replayed) == (1, True)
    assert len(entries(owner_engine)) == 1
    engine.dispose()


def test_a_call_cancelled_before_its_commit_is_not_repeated(
    app_url: URL, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    engine = create_engine(app_url, connect_args={"options": "-c statement_timeout=200ms"})
    store = CampaignStore(engine, schema="public")
    store.track_campaign_cost(campaign_id, "bouncer", 1, 1)
    with owner_engine.connect() as connection:
        connection.execute(
            text("select from gmaps_campaigns where id = :id for update"), {"id": campaign_id}
        )
        with pytest.raises(CallTimeoutError) as caught:
            store.track_campaign_cost(campaign_id, "bouncer", 1, 1)
    assert (caught.value.attempts, caught.value.retry_recommended) == (1, False)
    assert len(entries(owner_engine)) == 1
    engine.dispose()


@pytest.mark.parametrize("flush", ["SELECT 1 / 0", "SELECT pg_cancel_backend(pg_backend_pid())"])
def test_an_error_after_commit_leaves_the_outcome_open(
    app_engine: Engine,
    owner_engine: Engine,
    campaign_id: uuid.UUID,
    monkeypatch: pytest.MonkeyPatch,
    flush: str,
) -> None:
    store = CampaignStore(app_engine, schema="public", policies=NO_RETRY)
    cost = (campaign_id, "bouncer", 1, 1, {"idempotency_key": "a cost"})
    with monkeypatch.context() as patch:
        patch.setattr("campaigndb.calling.execution.FLUSH", flush)
        with pytest.raises(DatabaseConnectionError) as caught:
            store.track_campaign_cost(*cost)
    assert caught.value.retry_recommended
    assert len(entries(owner_engine)) == 1
    assert store.track_campaign_cost(*cost).replayed


def revoke_flush(owner_engine: Engine) -> None:
    with owner_engine.begin() as connection:
        connection.exec_driver_sql(
            "do $$ declare f regprocedure; begin"
            " for f in select oid from pg_proc where proname = 'pg_logical_emit_message' loop"
            " execute 'revoke execute on function ' || f || ' from public';"
            " end loop; end $$"
        )


def test_a_right_to_flush_that_is_revoked_meanwhile_fails_no_call(
    store: CampaignStore, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    assert store.track_campaign_cost(campaign_id, "bouncer", 1, 1).new_total == 1
    revoke_flush(owner_engine)
    tracked = store.track_campaign_cost(campaign_id, "bouncer", 1, 1)
    assert (tracked.new_total, tracked.replayed) == (2, True)
    assert store.track_campaign_cost(campaign_id, "bouncer", 1, 1).replayed is False
    assert len(entries(owner_engine)) == 3


def test_a_role_that_may_not_flush_apart_flushes_in_commit(
    store: CampaignStore, app_url: URL, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    revoke_flush(owner_engine)
    engine = create_engine(app_url)
    with engine.connect() as connection, pytest.raises(Exception, match="permission denied"):
        connection.exec_driver_sql(FLUSH)
    engine.dispose()
    assert store.track_campaign_cost(campaign_id, "bouncer", 1, 1).new_total == 1
    assert store.update_campaign_statistics(campaign_id).total_businesses == 0
