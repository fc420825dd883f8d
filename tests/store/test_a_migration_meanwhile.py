"""A call that meets a migration is tried again a few times; what is simply not there fails soon."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL

from campaigndb import AsyncCampaignStore, CampaignStore, StoredFunctionError
from campaigndb.calling.errors import from_envelope, from_sqlstate, met_a_migration
from campaigndb.calling.store import BoundStore
from campaigndb.migrations.commands import downgrade, upgrade
from campaigndb.settings import Settings
from tests.migrations.databases import new_database
from tests.store.failing import calls_of, tries
from tests.support.waiting import wait_until_blocked

# What PostgreSQL says where something is another one, or gone, since the call began.
MET = [
    ("42883", "function costs_by_key(jsonb) does not exist"),
    ("42P01", 'relation "gmaps_cost_gate_07" does not exist'),
    ("3F000", 'schema "tenant_a" does not exist'),
    ("42703", 'column "running_total" of relation "gmaps_api_costs" does not exist'),
    ("42704", 'type "gmaps_status" does not exist'),
    ("42804", "type of parameter 4 (text) does not match that when preparing the plan (uuid)"),
    ("42P10", "there is no unique or exclusion constraint matching the ON CONFLICT specification"),
    ("0A000", "cached plan must not change result type"),
    ("26000", 'prepared statement "_pg3_0" does not exist'),
    ("XX000", "cache lookup failed for function 16543"),
    ("XX000", "cache lookup failed for type 16543"),
    ("XX000", "could not open relation with OID 16543"),
    ("XX000", "tuple concurrently updated"),
    ("XX000", "tuple concurrently deleted"),
]
# A fault that stays.
NOT_MET = [
    ("0A000", "cannot set transaction read-write mode during recovery"),
    ("XX000", "invalid memory alloc request size 1073741824"),
    ("XX001", "could not read block 7 in file base/1/2"),
    ("42501", "permission denied for function update_coverage_status"),
    ("23505", "duplicate key value violates unique constraint"),
    ("22023", "p_zip_code is null"),
]


@pytest.mark.parametrize("envelope", [True, False], ids=["envelope", "error"])
def test_the_whole_kind_is_tried_again(
    store: CampaignStore,
    campaign_id: uuid.UUID,
    fail: Callable[..., None],
    envelope: bool,
    subtests: pytest.Subtests,
) -> None:
    for code, message in MET:
        for call in calls_of(store, campaign_id):
            with subtests.test(f"{code} {message}"):
                fail(2, code, message, envelope=envelope)
                call()


async def test_asynchronous_calls_too(
    async_store: AsyncCampaignStore, campaign_id: uuid.UUID, fail: Callable[..., None]
) -> None:
    for call in calls_of(async_store, campaign_id):
        fail(2, *MET[0], envelope=True)
        await call()


def test_a_block_too(
    store: CampaignStore, campaign_id: uuid.UUID, fail: Callable[..., None]
) -> None:
    fail(2, *MET[0], envelope=True)
    store.run_in_transaction(
        lambda bound: bound.track_campaign_cost(campaign_id, "bouncer", 1, 1),
        cost_campaigns=[campaign_id],
    )


def test_what_a_block_itself_misses_is_not_looked_for_again(store: CampaignStore) -> None:
    runs = []

    def block(bound: BoundStore) -> None:
        runs.append(bound)
        bound.connection.execute(text("select * from no_such_table"))

    with pytest.raises(StoredFunctionError, match="no_such_table"):
        store.run_in_transaction(block)
    assert len(runs) == 1


def test_what_is_not_there_fails_after_a_handful_of_attempts(
    store: CampaignStore, owner_engine: Engine, campaign_id: uuid.UUID, fail: Callable[..., None]
) -> None:
    for call in calls_of(store, campaign_id):
        fail(1000, *MET[0], envelope=True)
        started = time.monotonic()
        with pytest.raises(StoredFunctionError) as caught:
            call()
        assert time.monotonic() - started < 10
        assert (caught.value.attempts, tries(owner_engine)) == (5, 5)
        assert caught.value.retry_recommended is False


def test_other_faults_are_not_tried_again(
    store: CampaignStore,
    owner_engine: Engine,
    campaign_id: uuid.UUID,
    fail: Callable[..., None],
    subtests: pytest.Subtests,
) -> None:
    for code, message in NOT_MET:
        for call in calls_of(store, campaign_id):
            with subtests.test(f"{code} {message}"):
                fail(1000, code, message, envelope=True)
                with pytest.raises(StoredFunctionError):
                    call()
                assert tries(owner_engine) == 1


def test_envelopes_and_errors_say_the_same() -> None:
    for expected, examples in ((True, MET), (False, NOT_MET)):
        for code, message in examples:
            envelope = {"error_code": code, "error_detail": message}
            assert met_a_migration(from_envelope(envelope, "f")) is expected
            assert met_a_migration(from_sqlstate(code, message, "f")) is expected


# The revision before the helper that a repeated cost calls.
BEFORE, SINCE = "0012", "0013"


@pytest.fixture
def earlier_database(server_url: URL) -> Iterator[URL]:
    with new_database(server_url) as url:
        upgrade(url, SINCE, settings=Settings(_env_file=None))
        yield url


def test_a_helper_that_is_dropped_while_a_call_runs(earlier_database: URL) -> None:
    engine = create_engine(earlier_database)
    store = CampaignStore(engine, schema="public")
    campaign_id = store.create_campaign_with_coverage({"name": "Helsinki"}).campaign_id
    cost = (campaign_id, "bouncer", 1, 1, {"idempotency_key": "the key"})
    first = store.track_campaign_cost(*cost)
    told: list[Any] = []

    caller = threading.Thread(target=lambda: told.append(store.track_campaign_cost(*cost)))
    with engine.connect() as holder:
        holder.execute(text("select from gmaps_campaigns for update"))
        caller.start()
        wait_until_blocked(engine)
        downgrade(earlier_database, BEFORE, settings=Settings(_env_file=None))
        with engine.connect() as connection:
            assert connection.scalar(text("select to_regproc('costs_by_key')")) is None
        assert told == []
        holder.rollback()
    caller.join(30)
    [again] = told
    assert (again.cost_id, again.replayed) == (first.cost_id, True)
    engine.dispose()
