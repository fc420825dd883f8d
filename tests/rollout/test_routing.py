"""Function and fallback give the same answers, and each call goes where its campaign goes."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from campaigndb import AsyncCampaignStore, CampaignStore
from campaigndb.rollout import AsyncRolloutStore, CostFallback, Percentages, RolloutStore
from campaigndb.rollout.percentages import bucket_of
from campaigndb.tables import api_costs
from tests.application_logic.test_shared_scenarios import BEYOND, SHARED
from tests.rollout.async_application import AsyncApplicationLogic
from tests.rollout.conftest import EXAMPLE
from tests.vectors.vectors import differences, load_scenarios, through

Rollout = Callable[..., RolloutStore]
Routes = list[tuple[str, str]]

# What `call_everything` calls: all that a fallback can stand for, and two that it cannot.
CALLED = {*EXAMPLE, "track_campaign_costs_batch", "get_enrichment_queue_page"}

PAGE = "https://www.facebook.com/kauppahalli"


def campaign_in(bucket: int) -> uuid.UUID:
    return next(id_ for id_ in (uuid.uuid4() for _ in range(10_000)) if bucket_of(id_) == bucket)


def call_everything(store: Any, campaign_id: uuid.UUID) -> None:
    store.create_campaign_with_coverage({"id": campaign_id, "name": "Oulu"}, ["90100"])
    record = {"place_id": f"p-{campaign_id}", "name": "A", "email": "a@a.example"}
    record["facebook_url"] = PAGE  # without a page there is nothing to enrich
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
    scenarios = [
        scenario for scenario in load_scenarios() if percentage == 100 or scenario["name"] in SHARED
    ]
    found = {scenario["name"]: differences(scenario, call) for scenario in scenarios}
    if percentage < 100:
        found = {
            name: [line for line in lines if not BEYOND.search(line)]
            for name, lines in found.items()
        }
    assert {name: problems for name, problems in found.items() if problems} == {}


def test_a_campaigns_calls_all_go_to_one_side(rollout: Rollout, routes: Routes) -> None:
    store = rollout(all=50)
    for bucket, side in ((49, "function"), (50, "fallback")):
        routes.clear()
        call_everything(store, campaign_in(bucket))
        assert {each for each, name in routes if name in EXAMPLE} == {side}
        assert {each for each, name in routes if name not in EXAMPLE} == {"function"}
        assert {name for _, name in routes} == CALLED


def test_without_a_method_in_the_fallback_the_function_is_called(
    store: CampaignStore, owner_engine: Engine, routes: Routes
) -> None:
    rollout = RolloutStore(
        store,
        CostFallback(owner_engine, schema="public"),
        fixed=Percentages(in_settings={"all": 0}),
    )
    call_everything(rollout, campaign_in(50))
    called = {name for _, name in routes}
    assert called == CALLED - {"track_campaign_cost"}


class Recorder:
    """A team's own code, of which nothing is known but its methods."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def track_campaign_cost(self, **arguments: Any) -> str:
        self.calls.append(arguments)
        return "tracked"

    def insert_businesses_batch(self, **arguments: Any) -> str:
        self.calls.append(arguments)
        return "inserted"


def test_any_object_with_the_methods_is_a_fallback(
    store: CampaignStore, app_engine: Engine
) -> None:
    own = Recorder()
    rollout: Any = RolloutStore(store, own, fixed=Percentages(in_settings={"all": 0}))
    campaign_id = uuid.uuid4()
    assert rollout.track_campaign_cost(str(campaign_id), "bouncer", 1, "0.25") == "tracked"
    assert rollout.insert_businesses_batch(campaign_id, "00100", [{"rating": 4.5}]) == "inserted"
    cost, batch = own.calls
    assert uuid.UUID(cost.pop("metadata")["idempotency_key"])
    assert cost == {
        "campaign_id": campaign_id,
        "service": "bouncer",
        "items_processed": 1,
        "cost_usd": Decimal("0.25"),
    }
    assert batch == {
        "campaign_id": campaign_id,
        "zip_code": "00100",
        "businesses": [{"rating": Decimal("4.5")}],
    }
    assert rollout.tables is app_engine
    for transaction in (
        lambda: rollout.run_in_transaction(lambda _: None),
        lambda: rollout.bind(app_engine.connect()),
    ):
        with pytest.raises(TypeError, match=r"the fallback Recorder has no bind\(connection\)"):
            transaction()


def test_each_function_has_its_own_percentage(rollout: Rollout, routes: Routes) -> None:
    call_everything(rollout(all=0, track_campaign_cost=100), campaign_in(50))
    assert [name for side, name in routes if side == "function" and name in EXAMPLE] == [
        "track_campaign_cost"
    ]


def test_a_batch_of_several_campaigns_goes_where_the_last_one_goes(
    rollout: Rollout, routes: Routes
) -> None:
    store = rollout(all=50)
    ids = [campaign_in(10), campaign_in(90)]
    businesses = []
    for id_ in ids:
        store.create_campaign_with_coverage({"id": id_, "name": "Oulu"})
        store.insert_businesses_batch(
            id_, "1", [{"place_id": f"p-{id_}", "name": "A", "facebook_url": PAGE}]
        )
        [business] = store.get_businesses_for_enrichment(id_, "facebook")
        businesses.append({"business_id": business.business_id})
    routes.clear()
    store.update_enrichment_batch("facebook", businesses[:1])
    store.update_enrichment_batch("facebook", businesses)
    assert [side for side, _ in routes] == ["function", "fallback"]


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
    rollout: Rollout, owner_engine: Engine, routes: Routes, rows: Any
) -> None:
    """With rights for both routes, and the same keys at each attempt."""
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


async def test_the_async_store_routes_alike(app_url: URL, database_url: URL) -> None:
    engines: list[AsyncEngine] = [create_async_engine(app_url), create_async_engine(database_url)]
    told = []
    try:
        store = AsyncRolloutStore(
            AsyncCampaignStore(engines[0], schema="public"),
            AsyncApplicationLogic(engines[1]),
            fixed=Percentages(in_settings={"all": 50}),
        )
        run = store.functions._run

        async def run_and_tell(call: Any) -> Any:
            told.append("function")
            return await run(call)

        store.functions._run = run_and_tell  # type: ignore[method-assign]
        for bucket in (10, 90):
            id_ = campaign_in(bucket)
            await store.create_campaign_with_coverage({"id": id_, "name": "Oulu"}, ["90100"])
            record = {"place_id": f"p-{id_}", "name": "A", "email": "a@a.example"}
            record["facebook_url"] = PAGE
            await store.insert_businesses_batch(id_, "90100", [record])
            [business] = await store.get_businesses_for_enrichment(id_, "facebook")
            await store.update_email_verification(
                business.business_id, "a@a.example", {"status": "risky"}
            )
            await store.track_campaign_cost(id_, "bouncer", 1, 1)
        assert told == ["function"] * 5
    finally:
        for engine in engines:
            await engine.dispose()
