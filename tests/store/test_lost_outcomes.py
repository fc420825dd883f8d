"""An error that closes the connection leaves the outcome open, whatever its SQLSTATE."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL

from campaigndb import CallTimeoutError, CampaignStore, DatabaseConnectionError, RetryPolicy
from campaigndb.calling.errors import from_envelope, from_sqlstate
from campaigndb.calling.retries import NO_RETRY
from tests.faults.ledger import entries

QUICK = RetryPolicy(attempts=3, first_wait=0.001)


def end_the_session_at_commit(owner_engine: Engine, table: str) -> None:
    """As `transaction_timeout` and PANIC do: an error, and the connection is closed."""
    with owner_engine.begin() as connection:
        connection.exec_driver_sql("create sequence endings")
        connection.exec_driver_sql(
            "create function end_session() returns trigger language plpgsql security definer as"
            " $$ begin if nextval('endings') = 1 then"
            " perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(10);"
            " end if; return null; end $$"
        )
        connection.exec_driver_sql(
            f"create constraint trigger late after insert or update on {table}"
            " deferrable initially deferred for each row execute function end_session()"
        )


def test_what_the_server_ends_at_commit_is_repeated_under_its_key(
    store: CampaignStore, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    end_the_session_at_commit(owner_engine, "gmaps_api_costs")
    tracked = store.track_campaign_cost(campaign_id, "bouncer", 1, 1)
    assert tracked.new_total == 1
    assert len(entries(owner_engine)) == 1


@pytest.fixture
def transaction_timeout(owner_engine: Engine) -> str:
    with owner_engine.connect() as connection:
        version = connection.scalar(text("select current_setting('server_version_num')::int"))
    if version < 170000:
        pytest.skip("transaction_timeout came with PostgreSQL 17")
    return "-c transaction_timeout=50ms"


def hold_back(owner_engine: Engine, table: str) -> None:
    with owner_engine.begin() as connection:
        connection.exec_driver_sql(
            "create function hold_back() returns trigger language plpgsql as"
            " $$ begin perform pg_sleep(5); return null; end $$"
        )
        connection.exec_driver_sql(
            f"create constraint trigger late after insert or update on {table}"
            " deferrable initially deferred for each row execute function hold_back()"
        )


def test_a_transaction_timeout_of_a_call_leaves_its_outcome_open(
    app_url: URL, owner_engine: Engine, campaign_id: uuid.UUID, transaction_timeout: str
) -> None:
    hold_back(owner_engine, "gmaps_api_costs")
    hold_back_coverage = "create constraint trigger late after update on gmaps_campaign_coverage"
    with owner_engine.begin() as connection:
        connection.exec_driver_sql(
            f"{hold_back_coverage} deferrable initially deferred"
            " for each row execute function hold_back()"
        )
    engine = create_engine(app_url, connect_args={"options": transaction_timeout})
    store = CampaignStore(engine, schema="public", policies=QUICK)
    calls: list[Callable[[], Any]] = [
        lambda: store.track_campaign_cost(campaign_id, "bouncer", 1, 1),
        lambda: store.update_coverage_status(campaign_id, "00100", 1, 1, 1),
    ]
    for call in calls:
        with pytest.raises(DatabaseConnectionError) as caught:
            call()
        assert (caught.value.error_code, caught.value.attempts) == ("25P04", 3)
        assert caught.value.retry_recommended is True
    engine.dispose()


def test_within_a_block_nothing_was_committed_and_the_timeout_is_told(
    app_url: URL, campaign_id: uuid.UUID, transaction_timeout: str
) -> None:
    engine = create_engine(app_url, connect_args={"options": transaction_timeout})
    store = CampaignStore(engine, schema="public")

    def block(bound: Any) -> None:
        bound.connection.execute(text("select pg_sleep(5)"))

    with pytest.raises(CallTimeoutError) as caught:
        store.run_in_transaction(block, policy=NO_RETRY)
    assert caught.value.error_code == "25P04"
    engine.dispose()


def test_a_full_disk_is_retried_also_in_an_envelope() -> None:
    envelope = {"success": False, "error": "Database operation failed", "error_code": "53100"}
    assert from_envelope(envelope, "track_campaign_cost").retry_recommended is True
    assert from_sqlstate("53200", "out of memory").retry_recommended is True


def test_an_unknown_completion_is_unknown() -> None:
    error = from_sqlstate("40003", "statement completion unknown")
    assert isinstance(error, DatabaseConnectionError)
    assert error.retry_recommended is True
