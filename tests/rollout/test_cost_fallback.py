"""The fallback for costs: the function's answers and refusals, exact beside the function."""

from __future__ import annotations

import asyncio
import random
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine

from campaigndb import AsyncCampaignStore, CampaignStore, StoredFunctionError
from campaigndb.database import on_connect
from campaigndb.migrations.commands import upgrade
from campaigndb.operations.reconciliation import reconcile
from campaigndb.rollout import (
    AsyncCostFallback,
    AsyncRolloutStore,
    CostFallback,
    Percentages,
    RolloutStore,
)
from campaigndb.settings import Settings
from campaigndb.tables import api_costs
from campaigndb.tables.campaigns import SERVICE_COST_COLUMNS
from tests.faults.ledger import check_totals
from tests.store.answer_losing_proxy import answer_losing_proxy
from tests.vectors.vectors import differences, load_scenarios, through

SCENARIOS = [
    scenario
    for scenario in load_scenarios()
    if scenario["name"] in ("costs add up", "a cost's key", "costs that are refused")
]
BY_FALLBACK = Percentages(in_settings={"all": 100, "track_campaign_cost": 0})
WORKERS = 8
SERVICES = tuple(SERVICE_COST_COLUMNS)


@pytest.fixture
def fallback(owner_engine: Engine) -> CostFallback:
    return CostFallback(owner_engine, schema="public")


@pytest.fixture
def service_role(owner_engine: Engine) -> Iterator[str]:
    """A role that reads and writes the tables and may execute no function of the schema."""
    name = f"campaigndb_test_{uuid.uuid4().hex[:8]}"
    with owner_engine.begin() as connection:
        connection.execute(text(f"create role {name} bypassrls"))
        connection.execute(text(f"grant usage on schema public to {name}"))
        rights = "select, insert, update on all tables in schema public"
        connection.execute(text(f"grant {rights} to {name}"))
    yield name
    with owner_engine.begin() as connection:
        connection.execute(text(f"drop owned by {name}"))
        connection.execute(text(f"drop role {name}"))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario["name"])
def test_the_shared_scenarios(
    store: CampaignStore, database_url: URL, service_role: str, scenario: Any
) -> None:
    engine = create_engine(database_url)
    on_connect(engine, search_path="pg_catalog", role=service_role)
    rollout = RolloutStore(store, CostFallback(engine, schema="public"), fixed=BY_FALLBACK)
    assert differences(scenario, through(rollout)) == []
    engine.dispose()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario["name"])
def test_asyncio_gives_the_same_answers(database_url: URL, scenario: Any) -> None:
    engine = create_async_engine(database_url)
    rollout = AsyncRolloutStore(
        AsyncCampaignStore(engine, schema="public"),
        AsyncCostFallback(engine, schema="public"),
        fixed=BY_FALLBACK,
    )

    class Waiting:
        """The coroutines as ordinary methods."""

        def __getattr__(self, name: str) -> Callable[..., Any]:
            return lambda **arguments: runner.run(getattr(rollout, name)(**arguments))

    with asyncio.Runner() as runner:
        assert differences(scenario, through(Waiting())) == []  # type: ignore[arg-type]
        runner.run(engine.dispose())


def test_another_schema(
    database_url: URL, owner_engine: Engine, nothing_changes: Callable[[], Any]
) -> None:
    schema = "Tenant-1"
    upgrade(database_url, settings=Settings(_env_file=None, schema_name=schema))
    rollout = RolloutStore(
        CampaignStore(owner_engine, schema=schema),
        CostFallback(owner_engine, schema=schema),
        fixed=BY_FALLBACK,
    )
    with nothing_changes():  # in public
        for scenario in SCENARIOS:
            assert differences(scenario, through(rollout)) == []


def test_rows_that_the_role_does_not_see_are_an_error(
    database_url: URL, service_role: str, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text(f"alter role {service_role} nobypassrls"))
    engine = create_engine(database_url)
    on_connect(engine, search_path="pg_catalog", role=service_role)
    with pytest.raises(StoredFunctionError) as caught:
        CostFallback(engine, schema="public").track_campaign_cost(campaign_id, "bouncer", 1, 1)
    assert caught.value.error_code == "42501"
    engine.dispose()


def test_a_cost_whose_commit_was_unheard_is_written_once(
    database_url: URL, campaign_id: uuid.UUID, row: Callable[..., Any]
) -> None:
    with answer_losing_proxy(database_url) as proxy:
        engine = create_engine(proxy.url)
        fallback = CostFallback(engine, schema="public")
        proxy.to_lose += 1
        tracked = fallback.track_campaign_cost(campaign_id, "bouncer", 1, "2.5")
        engine.dispose()
    assert proxy.lost == 1
    assert (row(api_costs).id, tracked.replayed) == (tracked.cost_id, True)


def test_a_cost_with_deep_metadata_is_recognised_as_well(
    fallback: CostFallback, campaign_id: uuid.UUID
) -> None:
    deep: Any = 1
    for _ in range(700):
        deep = [deep]
    metadata = {"idempotency_key": "k", "deep": deep}
    first, again = (
        fallback.track_campaign_cost(campaign_id, "bouncer", 1, "1", metadata) for _ in range(2)
    )
    assert (again.cost_id, again.replayed) == (first.cost_id, True)


def test_errors_repeat_nothing_of_the_metadata(
    fallback: CostFallback, campaign_id: uuid.UUID, owner_engine: Engine
) -> None:
    with owner_engine.begin() as connection:
        connection.exec_driver_sql("alter table gmaps_api_costs add check (items_processed < 5)")
    metadata = {"contact": "owner@secret.example"}
    with pytest.raises(StoredFunctionError) as caught:
        fallback.track_campaign_cost(campaign_id, "bouncer", 5, 1, metadata)
    assert caught.value.error_code == "23514"
    assert "secret" not in f"{caught.value!r} {vars(caught.value)}"
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.fixture
def both(database_url: URL, app_url: URL) -> Iterator[tuple[Any, Any]]:
    """The function and the fallback, with connections of their own for each worker."""
    options: dict[str, Any] = {"pool_size": WORKERS, "max_overflow": 0}
    engines = create_engine(app_url, **options), create_engine(database_url, **options)
    yield (
        CampaignStore(engines[0], schema="public"),
        CostFallback(engines[1], schema="public"),
    )
    for engine in engines:
        engine.dispose()


def at_once(job: Callable[[int], Any]) -> list[Any]:
    begin = threading.Barrier(WORKERS)

    def one(number: int) -> Any:
        begin.wait()
        return job(number)

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(one, range(WORKERS)))


def exact(engine: Engine, campaign_id: uuid.UUID) -> None:
    check_totals(engine, [campaign_id])
    assert reconcile(engine, "public").discrepancies == ()


def test_costs_of_function_and_fallback_add_up(
    both: tuple[Any, Any], campaign_id: uuid.UUID, owner_engine: Engine
) -> None:
    def track(number: int) -> Decimal:
        chance = random.Random(number)
        spent = Decimal(0)
        for step in range(12):
            amount = Decimal(chance.randrange(1, 10**6)) / 10_000
            side = both[chance.randrange(2)]
            side.track_campaign_cost(campaign_id, SERVICES[number % 4], step, amount)
            spent += amount
        return spent

    spent = sum(at_once(track))
    exact(owner_engine, campaign_id)
    with owner_engine.connect() as connection:
        query = text("select sum(actual_cost) from gmaps_campaigns")
        assert connection.execute(query).scalar_one() == spent


def test_one_key_is_charged_once_whoever_writes_it(
    both: tuple[Any, Any],
    campaign_id: uuid.UUID,
    owner_engine: Engine,
    row: Callable[..., Any],
) -> None:
    metadata = {"idempotency_key": "the same", "job": 1}
    tracked = at_once(
        lambda number: both[number % 2].track_campaign_cost(
            campaign_id, "bouncer", 1, "0.1", metadata
        )
    )
    assert {(one.cost_id, one.new_total) for one in tracked} == {
        (row(api_costs).id, Decimal("0.1"))
    }
    assert sorted(one.replayed for one in tracked) == [False] + [True] * (WORKERS - 1)
    exact(owner_engine, campaign_id)
