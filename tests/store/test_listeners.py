"""Engines whose pool's listeners run statements of their own, as many applications' do."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import StaticPool, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine

from campaigndb import AsyncCampaignStore, CampaignStore, StoredFunctionError

MARK = "set application_name to 'marked by a listener'"


def mark(dbapi_connection: Any, *_: Any) -> None:
    with dbapi_connection.cursor() as cursor:
        cursor.execute(MARK)


def mark_adapted(dbapi_connection: Any, *_: Any) -> None:
    cursor = dbapi_connection.cursor()
    cursor.execute(MARK)
    cursor.close()


@pytest.fixture(params=["connect", "checkout"])
def make_engine(request: pytest.FixtureRequest, app_url: URL) -> Iterator[Callable[[], Any]]:
    engine = create_engine(app_url)
    event.listen(engine, request.param, mark)
    yield lambda: engine
    engine.dispose()


def test_calls_and_blocks_work_and_what_was_set_stays(
    make_engine: Callable[[], Any], campaign_id: uuid.UUID
) -> None:
    engine = make_engine()
    store = CampaignStore(engine, schema="public")
    for total in (1, 3, 5):
        assert store.track_campaign_cost(campaign_id, "bouncer", 1, 1).new_total == total
        assert store.get_businesses_for_enrichment(campaign_id, "facebook") == ()
        block_total = store.run_in_transaction(
            lambda bound: bound.track_campaign_cost(campaign_id, "bouncer", 1, 1).new_total,
            cost_campaigns=[campaign_id],
        )
        assert block_total == total + 1
        with engine.connect() as connection:
            assert connection.scalar(text("show application_name")) == "marked by a listener"


@pytest.mark.parametrize("name", ["connect", "checkout"])
async def test_asynchronous_ones_too(app_url: URL, campaign_id: uuid.UUID, name: str) -> None:
    engine = create_async_engine(app_url)
    event.listen(engine.sync_engine, name, mark_adapted)
    store = AsyncCampaignStore(engine, schema="public")
    for total in (1, 3):
        tracked = await store.track_campaign_cost(campaign_id, "bouncer", 1, 1)
        assert tracked.new_total == total
        assert await store.get_businesses_for_enrichment(campaign_id, "facebook") == ()

        async def block(bound: Any) -> Any:
            return (await bound.track_campaign_cost(campaign_id, "bouncer", 1, 1)).new_total

        assert await store.run_in_transaction(block) == total + 1
    await engine.dispose()


def test_a_transaction_of_the_callers_own_is_not_committed(
    app_url: URL, campaign_id: uuid.UUID
) -> None:
    engine = create_engine(app_url, poolclass=StaticPool)
    store = CampaignStore(engine, schema="public")
    with engine.connect() as connection:
        connection.execute(text("select 1"))
        with pytest.raises(StoredFunctionError, match="INTRANS"):
            store.track_campaign_cost(campaign_id, "bouncer", 1, 1)
    engine.dispose()
