"""Calls that wait at no gate: one statement in autocommit, with the values apart."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine

from campaigndb import (
    AsyncCampaignStore,
    CallTimeoutError,
    CampaignStore,
    InvalidInputError,
)
from campaigndb.calling.retries import NO_RETRY
from campaigndb.tables import campaign_coverage
from tests.conftest import APP_ROLE
from tests.faults.proxy import Proxy
from tests.faults.workers import without_encryption

EMAIL = "anna.virtanen@kahvila.example"
# Parse, Bind, Describe, Execute and Sync, once.
ONE_STATEMENT = {"P": 1, "B": 1, "D": 1, "E": 1, "S": 1}


@pytest.fixture
def proxy(app_url: URL) -> Iterator[Proxy]:
    assert app_url.port is not None
    with Proxy(app_url.port) as proxy:
        yield proxy


@pytest.fixture
def covered_id(store: CampaignStore) -> uuid.UUID:
    return store.create_campaign_with_coverage({"name": "Helsinki"}, ["00100"]).campaign_id


@pytest.fixture
def business_id(add_business: Callable[..., uuid.UUID]) -> uuid.UUID:
    return add_business(email=EMAIL, facebook_url="https://facebook.com/kahvila")


def calls_on(store: Any, covered_id: uuid.UUID, business_id: uuid.UUID) -> list[Callable[[], Any]]:
    return [
        lambda: store.create_campaign_with_coverage({"name": "Turku"}, ["20100"]),
        lambda: store.insert_businesses_batch(
            covered_id, "00100", [{"placeId": str(number), "title": "x"} for number in range(500)]
        ),
        lambda: store.update_coverage_status(covered_id, "00100", 1, 1, 1),
        lambda: store.update_enrichment_batch("facebook", [{"business_id": business_id}]),
        lambda: store.update_email_verification(business_id, EMAIL, {"status": "risky"}),
        lambda: store.get_businesses_for_enrichment(covered_id, "linkedin", limit=500),
    ]


def test_each_call_is_one_round_trip(
    proxy: Proxy, app_url: URL, covered_id: uuid.UUID, business_id: uuid.UUID
) -> None:
    engine = create_engine(without_encryption(app_url, proxy.port))
    store = CampaignStore(engine, schema="public")
    store.update_campaign_statistics(covered_id)
    for call in calls_on(store, covered_id, business_id):
        proxy.forget_counts()
        call()
        assert proxy.round_trips == 1
        assert proxy.messages == ONE_STATEMENT
    engine.dispose()


async def test_an_asynchronous_call_is_too(
    proxy: Proxy, app_url: URL, covered_id: uuid.UUID, business_id: uuid.UUID
) -> None:
    engine = create_async_engine(without_encryption(app_url, proxy.port))
    store = AsyncCampaignStore(engine, schema="public")
    await store.update_campaign_statistics(covered_id)
    for call in calls_on(store, covered_id, business_id):
        proxy.forget_counts()
        await call()
        assert proxy.round_trips == 1
        assert proxy.messages == ONE_STATEMENT
    await engine.dispose()


@contextmanager
def locked_coverage(owner_engine: Engine) -> Iterator[None]:
    with owner_engine.connect() as holder:
        holder.execute(text("select from gmaps_campaign_coverage for update"))
        yield
        holder.rollback()


def waiting_statement(owner_engine: Engine) -> str:
    """What the server shows of a call that waits for a lock."""
    query = text(
        "select query from pg_stat_activity where datname = current_database()"
        " and usename = :role and wait_event_type = 'Lock'"
    )
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with owner_engine.connect() as connection:
            found: str | None = connection.scalar(query, {"role": APP_ROLE})
        if found is not None:
            return found
        time.sleep(0.01)
    raise AssertionError("no call waits")


def no_session_is_at_work(owner_engine: Engine) -> bool:
    """Soon: a server notices a little later that a connection was closed."""
    query = text(
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and usename = :role and state <> 'idle'"
    )
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with owner_engine.connect() as connection:
            if connection.scalar(query, {"role": APP_ROLE}) == 0:
                return True
        time.sleep(0.01)
    return False


def test_what_the_server_shows_of_a_call_holds_none_of_its_values(
    store: CampaignStore, owner_engine: Engine, covered_id: uuid.UUID
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with locked_coverage(owner_engine):
            waiting = pool.submit(store.update_coverage_status, covered_id, "00100", 4711, 1, 1)
            shown = waiting_statement(owner_engine)
        assert waiting.result(20).businesses_found == 4711
    assert "update_coverage_status" in shown
    assert "$1" in shown
    assert "4711" not in shown
    assert str(covered_id) not in shown


def test_a_failed_call_is_rolled_back_and_its_connection_goes_on(
    app_url: URL,
    owner_engine: Engine,
    covered_id: uuid.UUID,
    nothing_changes: Callable[[], Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    options = {"options": "-c statement_timeout=100ms"}
    engine = create_engine(app_url, pool_size=1, max_overflow=0, connect_args=options)
    store = CampaignStore(engine, schema="public", policies=NO_RETRY)
    with engine.connect() as connection:
        backend = connection.scalar(text("select pg_backend_pid()"))
    with nothing_changes():
        # An error in the envelope, one that ends the call, one of a query that returns rows.
        with pytest.raises(InvalidInputError, match="p_businesses_found"):
            store.update_coverage_status(covered_id, "00100", -1, 1, 1)
        with locked_coverage(owner_engine), pytest.raises(CallTimeoutError):
            store.update_coverage_status(covered_id, "00100", 1, 1, 1)
        with pytest.raises(InvalidInputError, match="p_enrichment_type"):
            store.get_businesses_for_enrichment(covered_id, "myspace")
    assert store.update_coverage_status(covered_id, "00100", 1, 1, 1).businesses_found == 1
    with engine.connect() as connection:
        assert connection.scalar(text("select pg_backend_pid()")) == backend
        assert connection.connection.driver_connection.autocommit is False
        assert connection.scalar(text("show transaction_isolation")) == "read committed"
    engine.dispose()
    # The driver has its own opinion of what ends in an error.
    assert [record for record in caplog.records if record.name.startswith("psycopg")] == []


@pytest.mark.parametrize("level", ["AUTOCOMMIT", "SERIALIZABLE"])
def test_the_engines_own_level_stays_as_it_is(
    app_url: URL, covered_id: uuid.UUID, level: Any
) -> None:
    engine = create_engine(app_url, isolation_level=level)
    store = CampaignStore(engine, schema="public")
    assert store.update_coverage_status(covered_id, "00100", 1, 1, 1).businesses_found == 1
    with engine.connect() as connection:
        assert connection.connection.driver_connection.autocommit is (level == "AUTOCOMMIT")
    engine.dispose()


def test_a_role_that_reads_only_by_default_may_write(app_url: URL, covered_id: uuid.UUID) -> None:
    options = {"options": "-c default_transaction_read_only=on"}
    engine = create_engine(app_url, connect_args=options)
    store = CampaignStore(engine, schema="public")
    assert store.update_coverage_status(covered_id, "00100", 1, 1, 1).businesses_found == 1
    engine.dispose()


@pytest.mark.parametrize("factory", [psycopg.ClientCursor, psycopg.Cursor])
def test_the_cursors_of_the_callers_engine_are_used(
    app_url: URL, covered_id: uuid.UUID, factory: Any
) -> None:
    # Where a pooler keeps no prepared statements, callers give a factory or a threshold.
    options = {"cursor_factory": factory, "prepare_threshold": None}
    engine = create_engine(app_url, connect_args=options)
    store = CampaignStore(engine, schema="public")
    for number in range(8):
        coverage = store.update_coverage_status(covered_id, "00100", number, 1, "1.5")
        assert coverage.businesses_found == number
        assert store.get_businesses_for_enrichment(covered_id, "facebook") == ()
    with engine.connect() as connection:
        assert connection.scalar(text("select count(*) from pg_prepared_statements")) == 0
    engine.dispose()


def test_the_answer_is_given_only_after_commit(
    store: CampaignStore, owner_engine: Engine, covered_id: uuid.UUID, rows: Any
) -> None:
    # A trigger that fails at COMMIT, after the function has returned success.
    with owner_engine.begin() as connection:
        connection.exec_driver_sql(
            "create function fail_at_commit() returns trigger language plpgsql as"
            " $$ begin raise exception using errcode = '23514', message = 'too late'; end $$"
        )
        connection.exec_driver_sql(
            "create constraint trigger late after update on gmaps_campaign_coverage"
            " deferrable initially deferred for each row execute function fail_at_commit()"
        )
    with pytest.raises(InvalidInputError, match="too late"):
        store.update_coverage_status(covered_id, "00100", 1, 1, 1)
    assert [row.scraped for row in rows(campaign_coverage)] == [False]


async def test_a_cancelled_call_is_rolled_back_and_its_connection_works_on(
    async_store: AsyncCampaignStore, owner_engine: Engine, covered_id: uuid.UUID, rows: Any
) -> None:
    with locked_coverage(owner_engine):
        waiting = asyncio.create_task(
            async_store.update_coverage_status(covered_id, "00100", 1, 1, 1)
        )
        await asyncio.to_thread(waiting_statement, owner_engine)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert no_session_is_at_work(owner_engine)
    assert [row.scraped for row in rows(campaign_coverage)] == [False]
    again = await async_store.update_coverage_status(covered_id, "00100", 2, 1, 1)
    assert again.businesses_found == 2


def test_an_interrupted_call_is_rolled_back_and_its_connection_works_on(
    store: CampaignStore, owner_engine: Engine, covered_id: uuid.UUID, rows: Any
) -> None:
    with locked_coverage(owner_engine):
        caller = threading.get_ident()

        def interrupt() -> None:
            waiting_statement(owner_engine)
            signal.pthread_kill(caller, signal.SIGINT)

        with ThreadPoolExecutor(1) as pool:
            pool.submit(interrupt)
            with pytest.raises(KeyboardInterrupt):
                store.update_coverage_status(covered_id, "00100", 1, 1, 1)
        assert no_session_is_at_work(owner_engine)
    assert [row.scraped for row in rows(campaign_coverage)] == [False]
    assert store.update_coverage_status(covered_id, "00100", 2, 1, 1).businesses_found == 2


def test_a_call_of_many_megabytes_is_sent_to_its_end(
    proxy: Proxy, app_url: URL, covered_id: uuid.UUID
) -> None:
    engine = create_engine(without_encryption(app_url, proxy.port))
    store = CampaignStore(engine, schema="public")
    proxy.delay = 0.001  # a slow reader: what is sent waits in the socket
    for number in range(3):
        batch = [
            {"placeId": f"{number}-{each}", "title": "x", "note": "y" * 50_000}
            for each in range(150)
        ]
        assert store.insert_businesses_batch(covered_id, "00100", batch).inserted == 150
    engine.dispose()
