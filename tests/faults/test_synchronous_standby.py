"""A cancelled wait for a standby: the call is committed here, and the log says what is in doubt."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from campaigndb import AsyncCampaignStore, CampaignStore
from campaigndb.embedded_server import temporary_server
from campaigndb.migrations.commands import upgrade
from campaigndb.settings import Settings

CANCEL_WAIT = text(
    "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'"
)


@pytest.fixture(scope="module")
def primary() -> Iterator[Engine]:
    """A server that waits for a standby that there is not."""
    settings = Settings(_env_file=None)
    with temporary_server(settings, server_settings={"synchronous_commit": "on"}) as server:
        upgrade(server.url, settings=settings)
        engine = create_engine(server.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql("alter system set synchronous_standby_names = 'nobody'")
        yield engine
        engine.dispose()


@pytest.fixture
def impatient(primary: Engine) -> Iterator[Engine]:
    """Somebody cancels every wait for the standby."""
    is_over = threading.Event()

    def cancel() -> None:
        with primary.connect() as connection:
            while not is_over.is_set():
                connection.execute(CANCEL_WAIT)
                time.sleep(0.02)

    def wait_for_standbys(names: str) -> None:
        with primary.connect() as connection:
            connection.exec_driver_sql(f"alter system set synchronous_standby_names = '{names}'")
            connection.exec_driver_sql("select pg_reload_conf()")

    thread = threading.Thread(target=cancel)
    thread.start()
    wait_for_standbys("nobody")
    yield primary
    wait_for_standbys("")
    is_over.set()
    thread.join()


def test_it_is_a_warning_with_the_campaign(
    impatient: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    engine = create_engine(impatient.url)
    store = CampaignStore(engine, schema="public")
    campaign_id = store.create_campaign_with_coverage({"name": "x"}, ["1"]).campaign_id
    for call in (
        lambda: store.update_coverage_status(campaign_id, "1", 1, 1, 1),
        lambda: store.track_campaign_cost(campaign_id, "bouncer", 1, 1),
    ):
        time.sleep(0.1)
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="campaigndb"):
            assert call().success is True
        [warning] = caplog.records
        assert (warning.levelname, warning.campaign_id) == ("WARNING", str(campaign_id))
        assert "perhaps not on the standbys" in warning.getMessage()
    engine.dispose()


def test_of_an_asynchronous_call_too(impatient: Engine, caplog: pytest.LogCaptureFixture) -> None:
    async def call() -> None:
        engine = create_async_engine(impatient.url)
        store = AsyncCampaignStore(engine, schema="public")
        created = await store.create_campaign_with_coverage({"name": "x"}, ["1"])
        with caplog.at_level(logging.WARNING, logger="campaigndb"):
            await store.update_coverage_status(created.campaign_id, "1", 1, 1, 1)
        await engine.dispose()
        assert caplog.records[-1].campaign_id == str(created.campaign_id)

    asyncio.run(call())
