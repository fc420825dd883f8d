"""Where functions are missing or fail: answered by the fallback, never written twice."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.schema import DropTable

from campaigndb import AsyncCampaignStore, CampaignStore, MissingReferenceError, StoredFunctionError
from campaigndb.calling.arguments import Call
from campaigndb.calling.gate import gate_number
from campaigndb.calling.retries import NO_RETRY
from campaigndb.rollout import AsyncRolloutStore, Percentages, RolloutStore
from campaigndb.rollout.circuit_breaker import BreakerLimits, CircuitBreaker
from campaigndb.tables import api_costs
from campaigndb.tables.cost_gates import cost_gates
from examples.application_logic import ApplicationLogic
from tests.rollout.async_application import AsyncApplicationLogic
from tests.store.answer_losing_proxy import answer_losing_proxy

Rollout = Callable[..., RolloutStore]
Routes = list[tuple[str, str]]


@pytest.fixture
def rename(owner_engine: Engine) -> Callable[[str, str], None]:
    def rename(old: str, new: str) -> None:
        with owner_engine.begin() as connection:
            connection.execute(text(f"alter function {old} rename to {new}"))

    return rename


@pytest.fixture
def broken(owner_engine: Engine) -> Callable[[str], None]:
    """Makes the statistics fail with an SQLSTATE, or work again."""

    def make(sqlstate: str) -> None:
        with owner_engine.begin() as connection:
            connection.execute(text("drop trigger if exists broken on gmaps_campaigns"))
            if sqlstate:
                connection.execute(
                    text(
                        "create or replace function broken() returns trigger language plpgsql as "
                        f"$$ begin raise exception using errcode = '{sqlstate}'; end; $$"
                    )
                )
                connection.execute(
                    text(
                        "create trigger broken before update of total_businesses_found "
                        "on gmaps_campaigns for each row "
                        "when (current_setting('application_name') = 'functions') "
                        "execute function broken()"
                    )
                )

    return make


@pytest.fixture
def failing(
    app_url: Any, application: ApplicationLogic
) -> Iterator[Callable[[BreakerLimits], RolloutStore]]:
    """A rollout at 100 percent whose functions can be broken apart from the fallback."""

    engine = create_engine(app_url, connect_args={"application_name": "functions"})

    def make(limits: BreakerLimits) -> RolloutStore:
        return RolloutStore(
            CampaignStore(engine, schema="public", policies=NO_RETRY),
            application,
            fixed=Percentages(in_settings={"all": 100}),
            breaker=limits,
        )

    yield make
    engine.dispose()


def test_a_missing_function_is_answered_by_the_fallback_at_once(
    rollout: Rollout, campaign_id: uuid.UUID, rename: Any, routes: Routes, rows: Any, caplog: Any
) -> None:
    rename("track_campaign_cost(uuid, varchar, int, numeric, jsonb)", "gone")
    store = rollout(all=100)
    for _ in range(3):
        store.track_campaign_cost(campaign_id, "bouncer", 1, "0.25")
    store.update_campaign_statistics(campaign_id)
    assert [side for side, _ in routes] == [
        "function",
        "fallback",
        "fallback",
        "fallback",
        "function",
    ]
    assert len(rows(api_costs, campaign_id=campaign_id)) == 3
    assert caplog.text.count("track_campaign_cost is not used for a while: it does not exist") == 1


def test_a_missing_gate_is_answered_by_the_fallback_too(
    rollout: Rollout, campaign_id: uuid.UUID, owner_engine: Engine, routes: Routes, rows: Any
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(DropTable(cost_gates[gate_number(campaign_id)]))
    for percentage in (0, 100):
        store = rollout(all=percentage)
        store.track_campaign_cost(campaign_id, "bouncer", 1, "0.25")
        store.update_campaign_statistics(campaign_id)
    assert [side for side, _ in routes] == [*["fallback"] * 2, *["function", "fallback"] * 2]
    assert len(rows(api_costs, campaign_id=campaign_id)) == 2


def test_it_is_used_again_when_it_is_back(
    rollout: Rollout, campaign_id: uuid.UUID, rename: Any, routes: Routes
) -> None:
    rename("update_campaign_statistics(uuid)", "gone")
    store = rollout({"breaker": BreakerLimits(recovery_time=0.0)}, all=100)
    store.update_campaign_statistics(campaign_id)
    rename("gone(uuid)", "update_campaign_statistics")
    store.update_campaign_statistics(campaign_id)
    store.update_campaign_statistics(campaign_id)
    assert [side for side, _ in routes] == ["function", "fallback", "function", "function"]


def test_a_block_of_calls_runs_again_without_the_missing_function(
    rollout: Rollout, campaign_id: uuid.UUID, rename: Any, rows: Any
) -> None:
    rename("update_campaign_statistics(uuid)", "gone")
    rename("update_coverage_status(uuid, varchar, int, int, numeric)", "gone_too")
    store = rollout(all=100)

    def block(bound: Any) -> None:
        bound.track_campaign_cost(campaign_id, "bouncer", 1, "0.25")
        bound.update_coverage_status(campaign_id, "00100", 1, 1, "0.25")
        bound.update_campaign_statistics(campaign_id)

    store.run_in_transaction(block, cost_campaigns=[campaign_id])
    assert len(rows(api_costs, campaign_id=campaign_id)) == 1


def test_a_block_that_was_committed_unheard_is_not_written_again_by_the_fallback(
    store: CampaignStore,
    database_url: URL,
    campaign_id: uuid.UUID,
    rename: Any,
    rows: Any,
    routes: Routes,
) -> None:
    """The answer to COMMIT is lost, and when the block is tried again, its function is gone."""
    attempts: list[uuid.UUID] = []
    with answer_losing_proxy(database_url) as proxy:
        engine = create_engine(proxy.url)
        rollout = RolloutStore(
            store,
            ApplicationLogic(engine, schema="public"),
            fixed=Percentages(in_settings={"all": 100}),
        )

        def block(bound: Any) -> Any:
            attempts.append(campaign_id)
            if len(attempts) == 1:
                proxy.to_lose += 1
            elif len(attempts) == 2:
                rename("track_campaign_cost(uuid, varchar, int, numeric, jsonb)", "gone")
            return bound.track_campaign_cost(campaign_id, "bouncer", 1, "0.25")

        tracked = rollout.run_in_transaction(block, cost_campaigns=[campaign_id])
        engine.dispose()
    assert (len(attempts), proxy.lost) == (3, 1)
    [entry] = rows(api_costs, campaign_id=campaign_id)
    assert (tracked.replayed, tracked.cost_id) == (True, entry.id)


@pytest.mark.parametrize("percentage", [0, 100])
async def test_an_async_block_that_was_committed_unheard_is_written_once(
    async_store: AsyncCampaignStore,
    database_url: URL,
    campaign_id: uuid.UUID,
    rows: Any,
    percentage: int,
) -> None:
    attempts: list[int] = []
    with answer_losing_proxy(database_url) as proxy:
        engine = create_async_engine(proxy.url)
        rollout = AsyncRolloutStore(
            async_store,
            AsyncApplicationLogic(engine),
            fixed=Percentages(in_settings={"all": percentage}),
        )

        async def block(bound: Any) -> Any:
            attempts.append(1)
            proxy.to_lose = int(len(attempts) == 1)
            first = await bound.track_campaign_cost(campaign_id, "bouncer", 1, "0.25")
            return first, await bound.track_campaign_cost(campaign_id, "bouncer", 1, "0.25")

        both = await rollout.run_in_transaction(block, cost_campaigns=[campaign_id])
        await engine.dispose()
    assert (len(attempts), proxy.lost) == (2, 1)
    assert [each.replayed for each in both] == [True, True]
    assert {each.cost_id for each in both} == {
        entry.id for entry in rows(api_costs, campaign_id=campaign_id)
    }
    assert len({each.cost_id for each in both}) == 2


def test_a_block_that_misses_something_of_its_own_runs_once(
    rollout: Rollout, campaign_id: uuid.UUID
) -> None:
    attempts: list[int] = []

    def block(bound: Any) -> None:
        attempts.append(1)
        bound.connection.exec_driver_sql("select * from no_such_table")

    with pytest.raises(StoredFunctionError, match="42P01"):
        rollout(all=100).run_in_transaction(block)
    assert len(attempts) == 1


@pytest.mark.parametrize("percentage", [0, 100])
def test_a_block_runs_with_the_documented_roles(
    rollout: Rollout, campaign_id: uuid.UUID, percentage: int
) -> None:
    store = rollout(all=percentage)
    tracked = store.run_in_transaction(
        lambda bound: bound.track_campaign_cost(campaign_id, "bouncer", 1, "0.25"),
        cost_campaigns=[campaign_id],
    )
    assert not tracked.replayed


@pytest.mark.parametrize("sqlstate", ["XX000", "57014", "40001", "53100"])
def test_failures_in_a_row_move_the_calls_to_the_fallback_for_a_while(
    failing: Any, campaign_id: uuid.UUID, broken: Any, routes: Routes, caplog: Any, sqlstate: str
) -> None:
    caplog.set_level(logging.INFO)
    store = failing(BreakerLimits(failures=3, recovery_time=0.0))
    broken(sqlstate)
    for _ in range(3):
        with pytest.raises(StoredFunctionError):
            store.update_campaign_statistics(campaign_id)
    broken("")
    assert store.update_campaign_statistics(campaign_id).total_businesses == 0
    assert [side for side, _ in routes] == ["function"] * 4
    assert "update_campaign_statistics works again" in caplog.text

    lasting = failing(BreakerLimits(failures=3, recovery_time=60.0))
    broken(sqlstate)
    for _ in range(3):
        with pytest.raises(StoredFunctionError):
            lasting.update_campaign_statistics(campaign_id)
    routes.clear()
    assert lasting.update_campaign_statistics(campaign_id).total_businesses == 0
    assert [side for side, _ in routes] == ["fallback"]


def test_conflicts_that_a_blocks_retries_resolve_are_no_failures_of_the_function(
    application: ApplicationLogic, store: CampaignStore, campaign_id: uuid.UUID, broken: Any
) -> None:
    broken("40001")
    rollout = RolloutStore(
        store,
        application,
        fixed=Percentages(in_settings={"all": 100}),
        breaker=BreakerLimits(failures=2, recovery_time=60.0),
    )
    attempts: list[int] = []

    def block(bound: Any) -> None:
        attempts.append(1)
        if len(attempts) < 4:
            bound.connection.exec_driver_sql("set local application_name = 'functions'")
        bound.update_campaign_statistics(campaign_id)

    rollout.run_in_transaction(block)
    assert len(attempts) == 4
    assert not rollout._router._breakers["update_campaign_statistics"].is_open


def test_a_success_and_a_refusal_between_failures_start_the_count_again(
    failing: Any, campaign_id: uuid.UUID, broken: Any, routes: Routes
) -> None:
    store = failing(BreakerLimits(failures=2, recovery_time=60.0))
    for _ in range(3):
        broken("XX000")
        with pytest.raises(StoredFunctionError):
            store.update_campaign_statistics(campaign_id)
        with pytest.raises(MissingReferenceError):
            store.update_campaign_statistics(uuid.uuid4())
    assert {side for side, _ in routes} == {"function"}


def test_a_write_whose_outcome_is_unknown_is_never_sent_to_the_fallback(
    store: CampaignStore,
    application: ApplicationLogic,
    campaign_id: uuid.UUID,
    rows: Any,
    routes: Routes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The answer to COMMIT is lost, again and again: the caller is told, and the cost is once."""

    def lose_the_answer(*_: Any) -> Any:
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(Call, "read_envelope", lose_the_answer)
    rollout = RolloutStore(
        CampaignStore(store.engine, schema="public", policies=NO_RETRY),
        application,
        fixed=Percentages(in_settings={"all": 100}),
    )
    with pytest.raises(StoredFunctionError, match="connection failed"):
        rollout.track_campaign_cost(campaign_id, "bouncer", 1, "0.25")
    assert [side for side, _ in routes] == ["function"]
    assert len(rows(api_costs, campaign_id=campaign_id)) == 1


def test_a_key_that_one_side_wrote_is_recognised_by_the_other(
    rollout: Rollout, campaign_id: uuid.UUID
) -> None:
    for first, then in ((0, 100), (100, 0)):
        metadata = {"idempotency_key": f"key {first}"}
        one = rollout(all=first).track_campaign_cost(campaign_id, "bouncer", 1, "0.25", metadata)
        two = rollout(all=then).track_campaign_cost(campaign_id, "bouncer", 1, "0.25", metadata)
        assert (two.cost_id, two.replayed) == (one.cost_id, True)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_open_breaker_lets_one_call_try_at_a_time() -> None:
    clock = Clock()
    breaker = CircuitBreaker(BreakerLimits(failures=2, recovery_time=10.0), clock)
    first = admitted(breaker)
    assert [breaker.failed(first), breaker.failed(first)] == [False, True]
    assert breaker.admit() is None
    clock.now = 10.0
    trial = admitted(breaker)
    assert breaker.admit() is None, "one tries, the others wait"
    assert not breaker.failed(trial), "it was open already"
    clock.now = 19.9
    assert breaker.admit() is None
    clock.now = 20.0
    assert breaker.succeeded(admitted(breaker))
    admitted(breaker)
    admitted(breaker)
    assert not breaker.is_open


def test_what_began_before_the_breaker_opened_neither_closes_nor_delays_it() -> None:
    clock = Clock()
    breaker = CircuitBreaker(BreakerLimits(failures=1, recovery_time=10.0), clock)
    slow, slower = admitted(breaker), admitted(breaker)
    assert breaker.failed(admitted(breaker))
    assert not breaker.succeeded(slow)
    assert breaker.is_open
    clock.now = 9.0
    assert not breaker.failed(slow)
    clock.now = 10.0
    lost = admitted(breaker)
    clock.now = 20.0
    trial = admitted(breaker)
    assert not breaker.failed(trial)
    assert not breaker.succeeded(lost), "it began before the last trial failed"
    clock.now = 30.0
    assert breaker.succeeded(admitted(breaker))
    assert not breaker.failed(slower), "that is how it was before"
    assert not breaker.is_open


def test_who_tried_and_never_came_back_blocks_nobody_for_ever() -> None:
    clock = Clock()
    breaker = CircuitBreaker(BreakerLimits(failures=1, recovery_time=10.0), clock)
    breaker.failed(admitted(breaker))
    clock.now = 10.0
    admitted(breaker)
    clock.now = 20.0
    admitted(breaker)


def admitted(breaker: CircuitBreaker) -> int:
    given_pass = breaker.admit()
    assert given_pass is not None
    return given_pass
