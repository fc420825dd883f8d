"""A pool with one connection is enough: no call waits for a second one while it holds the first."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from campaigndb import AsyncCampaignStore, CampaignStore
from campaigndb.calling.store import BoundStore
from campaigndb.calling.store_async import AsyncBoundStore
from campaigndb.rollout import AsyncRolloutStore, RolloutStore
from campaigndb.tables import rollout_percentages
from examples.application_logic import ApplicationLogic
from tests.rollout.async_application import AsyncApplicationLogic
from tests.rollout.test_routing import campaign_in

ONE = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 1}
EMAIL = "a@a.example"
ALL = ["insert_businesses_batch", "update_enrichment_batch", "update_email_verification"]


@pytest.fixture(autouse=True)
def _half_of_the_campaigns(owner_engine: Engine) -> None:
    with owner_engine.begin() as connection:
        connection.execute(rollout_percentages.insert().values(function_name="all", percentage=50))


@pytest.fixture
def served(store: CampaignStore) -> uuid.UUID:
    """A campaign that the functions serve."""
    return store.create_campaign_with_coverage({"id": campaign_in(10), "name": "O"}).campaign_id


@pytest.fixture
def engine(database_url: URL) -> Iterator[Engine]:
    engine = create_engine(database_url, **ONE)
    yield engine
    engine.dispose()


@pytest.fixture
async def async_engine(database_url: URL) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(database_url, **ONE)
    yield engine
    await engine.dispose()


@pytest.fixture
def by_function(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls of blocks that went to the functions."""
    told: list[str] = []
    for bound_class in (BoundStore, AsyncBoundStore):

        def listen(self: Any, call: Any, run: Any = bound_class._run) -> Any:
            told.append(call.function.name)
            return run(self, call)

        monkeypatch.setattr(bound_class, "_run", listen)
    return told


def records() -> list[dict[str, Any]]:
    return [{"place_id": uuid.uuid4().hex, "name": "A", "email": EMAIL, "needs_enrichment": True}]


def test_blocks_and_bound_transactions(
    engine: Engine, served: uuid.UUID, by_function: list[str]
) -> None:
    functions = CampaignStore(engine, schema="public")
    application = ApplicationLogic(engine, schema="public")
    store = RolloutStore(functions, application, refresh_seconds=0.0)

    def block(bound: Any) -> None:
        bound.insert_businesses_batch(served, "1", records())
        beside = functions.bind(bound.connection)
        [business] = beside.get_businesses_for_enrichment(served, "facebook")
        found = {"business_id": business.business_id}
        bound.update_enrichment_batch("facebook", [found])
        bound.update_email_verification(business.business_id, EMAIL, {"status": "risky"})

    store.run_in_transaction(block)
    assert [name for name in by_function if name in ALL] == ALL
    by_function.clear()
    with engine.begin() as connection:
        block(store.bind(connection))
        assert connection.exec_driver_sql("show statement_timeout").scalar_one() == "0"
        assert connection.get_execution_options().get("schema_translate_map") is None
    assert [name for name in by_function if name in ALL] == ALL


async def test_async_blocks_and_bound_transactions(
    async_engine: AsyncEngine, served: uuid.UUID, by_function: list[str]
) -> None:
    functions = AsyncCampaignStore(async_engine, schema="public")
    store = AsyncRolloutStore(functions, AsyncApplicationLogic(async_engine), refresh_seconds=0.0)

    async def block(bound: Any) -> None:
        await bound.insert_businesses_batch(served, "1", records())
        beside = await functions.bind(bound.connection)
        [business] = await beside.get_businesses_for_enrichment(served, "facebook")
        found = {"business_id": business.business_id}
        await bound.update_enrichment_batch("facebook", [found])
        await bound.update_email_verification(business.business_id, EMAIL, {"status": "risky"})

    await store.run_in_transaction(block)
    assert [name for name in by_function if name in ALL] == ALL
    by_function.clear()
    async with async_engine.begin() as connection:
        await block(await store.bind(connection))
    assert [name for name in by_function if name in ALL] == ALL
