"""A caller waits at the gate before its snapshot is taken, and not for ever."""

import asyncio
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from campaigndb import AsyncCampaignStore, CampaignStore, ConflictError, RetryPolicy
from campaigndb.calling import gate
from campaigndb.calling.gate import gate_number
from campaigndb.calling.retries import NO_RETRY
from tests.conftest import APP_PASSWORD, APP_ROLE
from tests.cost_gate.conftest import HoldGate
from tests.faults.ledger import check_totals, entries

WAITING = text(
    "select count(*) from pg_locks where not granted"
    " and relation::regclass::text like 'gmaps_cost_gate_%'"
)


def wait_for_waiting(engine: Engine, number: int = 1) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with engine.connect() as connection:
            if connection.scalar(WAITING) == number:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits at the gate")


def track_in(connection: psycopg.Connection, campaign_id: uuid.UUID) -> None:
    connection.execute("select track_campaign_cost(%s, 'facebook', 1, 1.5, null)", [campaign_id])


def test_who_waited_sees_what_the_one_before_wrote_and_succeeds_at_the_first_attempt(
    app_engine: Engine, owner_engine: Engine, campaign_id: uuid.UUID, hold_gate: HoldGate
) -> None:
    impatient = CampaignStore(app_engine, schema="public", policies=NO_RETRY)
    calls: list[Callable[[], Any]] = [
        lambda: impatient.track_campaign_cost(campaign_id, "bouncer", 1, 1).new_total,
        lambda: (
            impatient.track_campaign_costs_batch(
                [
                    {
                        "campaign_id": campaign_id,
                        "service": "bouncer",
                        "items_processed": 1,
                        "cost_usd": 1,
                    }
                ]
            )
            .costs[0]
            .new_total
        ),
        lambda: impatient.run_in_transaction(
            lambda bound: bound.track_campaign_cost(campaign_id, "bouncer", 1, 1).new_total,
            policy=NO_RETRY,
            cost_campaigns=[campaign_id],
        ),
    ]
    with ThreadPoolExecutor(1) as pool:
        for number, call in enumerate(calls, start=1):
            with hold_gate(campaign_id) as other:
                waiting: Future[Any] = pool.submit(call)
                wait_for_waiting(owner_engine)
                track_in(other, campaign_id)
                other.commit()
            assert waiting.result(20) == number * 2.5
    check_totals(owner_engine, [campaign_id])


async def test_an_asynchronous_caller_waits_the_same_way(
    async_store: AsyncCampaignStore,
    owner_engine: Engine,
    campaign_id: uuid.UUID,
    hold_gate: HoldGate,
) -> None:
    impatient = AsyncCampaignStore(async_store.engine, schema="public", policies=NO_RETRY)
    with hold_gate(campaign_id) as other:
        waiting = asyncio.create_task(impatient.track_campaign_cost(campaign_id, "bouncer", 1, 1))
        await asyncio.to_thread(wait_for_waiting, owner_engine)
        track_in(other, campaign_id)
        other.commit()
    assert (await waiting).new_total == 2.5


def test_without_the_gate_the_same_caller_fails_and_has_to_repeat(
    app_engine: Engine, owner_engine: Engine, campaign_id: uuid.UUID, hold_gate: HoldGate
) -> None:
    ungated = CampaignStore(app_engine, schema="public", policies=NO_RETRY)
    with hold_gate(campaign_id) as other, ThreadPoolExecutor(1) as pool:
        track_in(other, campaign_id)
        failing = pool.submit(
            ungated.run_in_transaction,
            lambda bound: bound.track_campaign_cost(campaign_id, "bouncer", 1, 1),
            policy=NO_RETRY,
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with owner_engine.connect() as connection:
                if connection.scalar(text("select count(*) from pg_locks where not granted")):
                    break
        other.commit()
        with pytest.raises(ConflictError) as caught:
            failing.result(20)
    assert caught.value.error_code == "40001"


def test_statistics_wait_at_the_gate_too(
    app_engine: Engine, owner_engine: Engine, campaign_id: uuid.UUID, hold_gate: HoldGate
) -> None:
    impatient = CampaignStore(app_engine, schema="public", policies=NO_RETRY)
    with ThreadPoolExecutor(1) as pool:
        with hold_gate(campaign_id) as other:
            waiting = pool.submit(impatient.update_campaign_statistics, campaign_id)
            wait_for_waiting(owner_engine)
            other.commit()
        assert waiting.result(20).total_businesses == 0


def test_callers_of_another_gate_do_not_wait(
    store: CampaignStore, campaign_id: uuid.UUID, hold_gate: HoldGate
) -> None:
    number = gate_number(campaign_id)
    other_id = next(id_ for id_ in iter(uuid.uuid4, None) if gate_number(id_) != number)
    store.create_campaign_with_coverage({"id": other_id, "name": "Next door"})
    with hold_gate(campaign_id):
        assert store.track_campaign_cost(other_id, "facebook", 1, 1).new_total == 1


def test_two_campaigns_at_one_gate_wait_and_stay_correct(
    store: CampaignStore, owner_engine: Engine, campaign_id: uuid.UUID, hold_gate: HoldGate
) -> None:
    number = gate_number(campaign_id)
    other_id = next(id_ for id_ in iter(uuid.uuid4, None) if gate_number(id_) == number)
    store.create_campaign_with_coverage({"id": other_id, "name": "The same door"})
    with ThreadPoolExecutor(1) as pool:
        with hold_gate(campaign_id) as other:
            waiting = pool.submit(store.track_campaign_cost, other_id, "facebook", 1, 1)
            wait_for_waiting(owner_engine)
            track_in(other, campaign_id)
            other.commit()
        assert waiting.result(20).new_total == 1
    check_totals(owner_engine, [campaign_id, other_id])


def test_readers_and_other_writers_do_not_wait_at_the_gate(
    store: CampaignStore, campaign_id: uuid.UUID, hold_gate: HoldGate
) -> None:
    with hold_gate(campaign_id):
        record = {"place_id": "a", "name": "Business"}
        assert store.insert_businesses_batch(campaign_id, "00100", [record]).inserted == 1
        assert len(store.get_businesses_for_enrichment(campaign_id, "linkedin")) == 1


def test_the_wait_ends_with_55p03_after_all_attempts_and_the_connection_works_on(
    app_engine: Engine,
    owner_engine: Engine,
    campaign_id: uuid.UUID,
    hold_gate: HoldGate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate, "GATE_TIMEOUT", 0.1)
    policy = RetryPolicy(attempts=3, first_wait=0.01)
    patient = CampaignStore(app_engine, schema="public", policies=policy)
    calls: list[Callable[[], Any]] = [
        lambda: patient.track_campaign_cost(campaign_id, "bouncer", 1, 1),
        lambda: patient.update_campaign_statistics(campaign_id),
        lambda: patient.run_in_transaction(
            lambda bound: bound.track_campaign_cost(campaign_id, "bouncer", 1, 1),
            policy=policy,
            cost_campaigns=[campaign_id],
        ),
    ]
    with hold_gate(campaign_id):
        for call in calls:
            started = time.monotonic()
            with pytest.raises(ConflictError) as caught:
                call()
            assert (caught.value.error_code, caught.value.attempts) == ("55P03", 3)
            assert caught.value.retry_recommended
            assert 0.3 <= time.monotonic() - started < 10
    assert entries(owner_engine) == []

    with app_engine.connect() as connection:
        # The short wait was the transaction's own.
        assert connection.scalar(text("show lock_timeout")) == "0"
        assert connection.scalar(text("select pg_backend_pid()")) is not None
    assert app_engine.pool.checkedout() == 0
    assert patient.track_campaign_cost(campaign_id, "bouncer", 1, 1).new_total == 1


@pytest.fixture
def limited_by(database_url: URL, owner_engine: Engine) -> Callable[[str, str], URL]:
    """Limits the application role's waits for locks: by a setting of the role, or an option."""

    def limit(where: str, lock_timeout: str) -> URL:
        app = database_url.set(username=APP_ROLE, password=APP_PASSWORD)
        if where == "option":
            return app.update_query_dict({"options": f"-c lock_timeout={lock_timeout}"})
        with owner_engine.begin() as connection:
            connection.exec_driver_sql(
                f'alter role {APP_ROLE} in database "{app.database}"'
                f" set lock_timeout = '{lock_timeout}'"
            )
        return app

    return limit


def timed_out_after(call: Callable[[], Any]) -> float:
    started = time.monotonic()
    with pytest.raises(ConflictError) as caught:
        call()
    assert caught.value.error_code == "55P03"
    return time.monotonic() - started


@pytest.mark.parametrize("where", ["role", "option"])
def test_a_shorter_limit_of_the_callers_stays_and_a_longer_one_is_shortened(
    limited_by: Callable[[str, str], URL],
    campaign_id: uuid.UUID,
    hold_gate: HoldGate,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    monkeypatch.setattr(gate, "GATE_TIMEOUT", 2)
    for lock_timeout, shortest, longest in (("100ms", 0.1, 1.5), ("2min", 2.0, 20.0)):
        with hold_gate(campaign_id):
            engine = create_engine(limited_by(where, lock_timeout))
            impatient = CampaignStore(engine, schema="public", policies=NO_RETRY)
            calls: list[Callable[[], Any]] = [
                lambda store=impatient: store.track_campaign_cost(campaign_id, "bouncer", 1, 1),
                lambda store=impatient: store.run_in_transaction(
                    lambda _: None, policy=NO_RETRY, cost_campaigns=[campaign_id]
                ),
            ]
            for call in calls:
                assert shortest <= timed_out_after(call) < longest
        engine.dispose()


def test_a_limit_of_the_transactions_own_stays_too(
    app_engine: Engine, campaign_id: uuid.UUID, hold_gate: HoldGate
) -> None:
    bound_to = CampaignStore(app_engine, schema="public").bind
    with hold_gate(campaign_id), app_engine.connect() as connection:
        connection.exec_driver_sql("set local lock_timeout = '100ms'")
        started = time.monotonic()
        with pytest.raises(DBAPIError, match="lock timeout"):
            bound_to(connection).wait_at_cost_gates(campaign_id)
        assert time.monotonic() - started < 5


async def test_the_asynchronous_wait_ends_the_same_way(
    async_store: AsyncCampaignStore,
    owner_engine: Engine,
    campaign_id: uuid.UUID,
    hold_gate: HoldGate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate, "GATE_TIMEOUT", 0.1)
    policy = RetryPolicy(attempts=2, first_wait=0.01)
    patient = AsyncCampaignStore(async_store.engine, schema="public", policies=policy)
    with hold_gate(campaign_id):
        with pytest.raises(ConflictError) as caught:
            await patient.track_campaign_cost(campaign_id, "bouncer", 1, 1)
        assert (caught.value.error_code, caught.value.attempts) == ("55P03", 2)
    assert (await patient.track_campaign_cost(campaign_id, "bouncer", 1, 1)).new_total == 1


def test_a_gate_that_is_let_go_in_time_costs_retries_and_not_the_call(
    app_engine: Engine,
    owner_engine: Engine,
    campaign_id: uuid.UUID,
    hold_gate: HoldGate,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(gate, "GATE_TIMEOUT", 0.1)
    patient = CampaignStore(app_engine, schema="public")
    retried = threading.Event()
    monkeypatch.setattr(
        "campaigndb.calling.attempts.logger.info", lambda *_arguments, **_options: retried.set()
    )
    with ThreadPoolExecutor(1) as pool:
        with hold_gate(campaign_id):
            waiting = pool.submit(patient.track_campaign_cost, campaign_id, "bouncer", 1, 1)
            assert retried.wait(20)
        assert waiting.result(20).new_total == 1
    assert len(entries(owner_engine)) == 1


async def test_a_cancelled_caller_leaves_the_queue_and_a_connection_that_works(
    async_store: AsyncCampaignStore,
    owner_engine: Engine,
    campaign_id: uuid.UUID,
    hold_gate: HoldGate,
) -> None:
    with hold_gate(campaign_id):
        waiting = asyncio.create_task(async_store.track_campaign_cost(campaign_id, "bouncer", 1, 1))
        await asyncio.to_thread(wait_for_waiting, owner_engine)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.to_thread(wait_for_waiting, owner_engine, 0)
    assert entries(owner_engine) == []
    assert (await async_store.track_campaign_cost(campaign_id, "bouncer", 1, 1)).new_total == 1
    with owner_engine.connect() as connection:
        left = text(
            "select count(*) from pg_stat_activity"
            " where datname = current_database() and usename = :role and state like :s"
        )
        assert connection.scalar(left, {"role": APP_ROLE, "s": "idle in%"}) == 0
