"""Both ways give the same answers, and each call goes the way of its campaign."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app import AsyncCampaignStore
from app.application_path import AsyncApplicationPath
from app.calls import ALL_FUNCTIONS
from app.rollout import AsyncRolloutStore, Percentages, RolloutStore
from app.rollout.percentages import place_of
from app.tables import api_costs
from tests.vectors.vectors import differences, load_scenarios, through

Rollout = Callable[..., RolloutStore]
Ways = list[tuple[str, str]]


def campaign_in(place: int) -> uuid.UUID:
    return next(id_ for id_ in (uuid.uuid4() for _ in range(10_000)) if place_of(id_) == place)


def call_everything(store: Any, campaign_id: uuid.UUID) -> None:
    store.create_campaign_with_coverage({"id": campaign_id, "name": "Oulu"}, ["90100"])
    record = {"place_id": f"p-{campaign_id}", "name": "A", "email": "a@a.example"}
    store.insert_businesses_batch(campaign_id, "90100", [record])
    [business] = store.get_businesses_for_enrichment(campaign_id, "facebook")
    list(store.iter_businesses_for_enrichment(campaign_id, "facebook"))
    store.update_enrichment_batch("facebook", [{"business_id": business.business_id}])
    store.update_email_verification(business.business_id, "a@a.example", {"status": "risky"})
    store.update_coverage_status(campaign_id, "90100", 1, 1, "0.5")
    store.track_campaign_cost(campaign_id, "bouncer", 1, 1)
    cost = {"campaign_id": campaign_id, "service": "facebook", "items_processed": 1, "cost_usd": 1}
    store.track_campaign_costs_batch([cost])
    store.update_campaign_statistics(campaign_id)


@pytest.mark.parametrize("percentage", [0, 37, 100])
def test_the_shared_scenarios(rollout: Rollout, percentage: int) -> None:
    call = through(rollout(all=percentage))
    found = {scenario["name"]: differences(scenario, call) for scenario in load_scenarios()}
    assert {name: problems for name, problems in found.items() if problems} == {}


def test_a_campaigns_calls_all_go_one_way(rollout: Rollout, ways: Ways) -> None:
    store = rollout(all=50)
    for place, way in ((49, "function"), (50, "old way")):
        ways.clear()
        call_everything(store, campaign_in(place))
        assert {each for each, _ in ways} == {way}
        assert {name for _, name in ways} == {function.name for function in ALL_FUNCTIONS}


def test_each_function_has_its_own_percentage(rollout: Rollout, ways: Ways) -> None:
    call_everything(rollout(all=0, track_campaign_cost=100), campaign_in(50))
    assert [name for way, name in ways if way == "function"] == ["track_campaign_cost"]


def test_a_batch_of_several_campaigns_goes_the_way_of_the_last_one(
    rollout: Rollout, ways: Ways
) -> None:
    store = rollout(all=50)
    ids = [campaign_in(10), campaign_in(90)]
    businesses = []
    for id_ in ids:
        store.create_campaign_with_coverage({"id": id_, "name": "Oulu"})
        store.insert_businesses_batch(id_, "1", [{"place_id": f"p-{id_}", "name": "A"}])
        [business] = store.get_businesses_for_enrichment(id_, "facebook")
        businesses.append({"business_id": business.business_id})
    ways.clear()
    store.update_enrichment_batch("facebook", businesses[:1])
    store.update_enrichment_batch("facebook", businesses)
    costs = [
        {"campaign_id": id_, "service": "facebook", "items_processed": 1, "cost_usd": 1}
        for id_ in ids
    ]
    store.track_campaign_costs_batch(costs[:1])
    store.track_campaign_costs_batch(costs)
    assert [way for way, _ in ways] == ["function", "old way"] * 2


def test_a_business_is_looked_up_once(
    rollout: Rollout, owner_engine: Engine, campaign_id: uuid.UUID, add_business: Any
) -> None:
    business_id = add_business("p", email="a@a.example")
    store = rollout(all=50)
    statements: list[str] = []
    event.listen(
        owner_engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2])
    )
    for number in range(5):
        store.update_email_verification(
            business_id, "a@a.example", {"status": "risky", "score": number}
        )
    looked_up = [s for s in statements if re.match(r"SELECT \S+\.id, \S+\.campaign_id \n", s)]
    assert len(looked_up) == 1


def test_the_caller_may_hold_the_transaction(
    rollout: Rollout, owner_engine: Engine, ways: Ways, rows: Any
) -> None:
    """With rights for both ways, and the same keys at each attempt."""
    for percentage in (0, 100):
        store = rollout(all=percentage)
        campaign_id = campaign_in(50)
        store.create_campaign_with_coverage({"id": campaign_id, "name": "Oulu"})
        attempts = []

        def block(
            bound: Any, campaign_id: uuid.UUID = campaign_id, attempts: Any = attempts
        ) -> Any:
            attempts.append(1)
            bound.track_campaign_cost(campaign_id, "bouncer", 1, "0.25")
            bound.track_campaign_cost(campaign_id, "facebook", 1, "0.25")
            return bound.update_campaign_statistics(campaign_id)

        store.run_in_transaction(block, cost_campaigns=[campaign_id])
        with owner_engine.connect() as connection:
            connection.execution_options(isolation_level="SERIALIZABLE")
            with connection.begin():
                store.bind(connection).track_campaign_cost(campaign_id, "bouncer", 1, "0.25")
        assert len(rows(api_costs, campaign_id=campaign_id)) == 3


async def test_the_async_store_goes_the_same_ways(app_url: URL, database_url: URL) -> None:
    engines: list[AsyncEngine] = [create_async_engine(app_url), create_async_engine(database_url)]
    told = []
    try:
        store = AsyncRolloutStore(
            AsyncCampaignStore(engines[0], schema="public"),
            AsyncApplicationPath(engines[1], schema="public"),
            fixed=Percentages(in_settings={"all": 50}),
        )
        for inner, way in ((store.functions, "function"), (store.application, "old way")):
            run = inner._run

            async def listen(call: Any, run: Any = run, way: str = way) -> Any:
                told.append(way)
                return await run(call)

            inner._run = listen  # type: ignore[method-assign]
        for place in (10, 90):
            id_ = campaign_in(place)
            await store.create_campaign_with_coverage({"id": id_, "name": "Oulu"}, ["90100"])
            await store.insert_businesses_batch(
                id_, "90100", [{"place_id": f"p-{id_}", "name": "A", "email": "a@a.example"}]
            )
            [business] = await store.get_businesses_for_enrichment(id_, "facebook")
            await store.update_email_verification(
                business.business_id, "a@a.example", {"status": "risky"}
            )
            await store.track_campaign_cost(id_, "bouncer", 1, 1)
        assert told == ["function"] * 5 + ["old way"] * 5
    finally:
        for engine in engines:
            await engine.dispose()
