"""A standby answers what only reads, and refuses the rest: nothing of it is in doubt."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from campaigndb import (
    AsyncCampaignStore,
    CampaignStore,
    DatabaseConnectionError,
    StoredFunctionError,
)
from campaigndb.embedded_server import temporary_server
from campaigndb.migrations.commands import upgrade
from campaigndb.settings import Settings


@pytest.fixture(scope="module")
def standby() -> Iterator[tuple[Engine, uuid.UUID]]:
    settings = Settings(_env_file=None)
    # What it has not, it waits for: a standby that is up to date and that nobody feeds.
    with temporary_server(settings, server_settings={"restore_command": "false"}) as server:
        upgrade(server.url, settings=settings)
        engine = create_engine(server.url)
        store = CampaignStore(engine, schema="public")
        campaign_id = store.create_campaign_with_coverage({"name": "x"}, ["1"]).campaign_id
        store.insert_businesses_batch(campaign_id, "1", [{"placeId": "p", "title": "x"}])
        engine.dispose()
        (server.log_path.parent / "data" / "standby.signal").touch()
        server.restart()
        yield engine, campaign_id
        engine.dispose()


def test_reads_are_answered(standby: tuple[Engine, uuid.UUID]) -> None:
    engine, campaign_id = standby
    store = CampaignStore(engine, schema="public")
    (business,) = store.get_businesses_for_enrichment(campaign_id, "linkedin")
    assert business.place_id == "p"
    assert list(store.iter_businesses_for_enrichment(campaign_id, "linkedin")) == [business]


def writes(campaign_id: uuid.UUID) -> list[Callable[[Any], Any]]:
    return [
        lambda store: store.create_campaign_with_coverage({"name": "y"}),
        lambda store: store.update_coverage_status(campaign_id, "1", 1, 1, 1),
        lambda store: store.track_campaign_cost(campaign_id, "bouncer", 1, 1),
        lambda store: store.update_campaign_statistics(campaign_id),
    ]


def check_refusal(error: StoredFunctionError) -> None:
    # A lost connection would leave open whether it was written, and would be tried again.
    assert not isinstance(error, DatabaseConnectionError)
    # Of BEGIN in a message; of the function itself in a call of one statement.
    assert error.error_code in ("0A000", "25006")
    assert error.attempts == 1
    assert re.search("recovery|standby|read-only", error.detail)
    assert not error.retry_recommended


def test_writes_are_refused_at_once(standby: tuple[Engine, uuid.UUID]) -> None:
    engine, campaign_id = standby
    for call in writes(campaign_id):
        with pytest.raises(StoredFunctionError) as caught:
            call(CampaignStore(engine, schema="public"))
        check_refusal(caught.value)


async def test_asynchronous_ones_too(standby: tuple[Engine, uuid.UUID]) -> None:
    engine, campaign_id = standby
    async_engine = create_async_engine(engine.url)
    for call in writes(campaign_id):
        with pytest.raises(StoredFunctionError) as caught:
            await call(AsyncCampaignStore(async_engine, schema="public"))
        check_refusal(caught.value)
    await async_engine.dispose()
