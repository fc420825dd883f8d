"""Which engines, connections and settings a store takes, and the one error for all others."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session, create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from campaigndb import AsyncCampaignStore, CampaignStore, StoredFunctionError

ADDRESS = "postgresql+psycopg://nobody@127.0.0.1:1/nowhere"


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        (ADDRESS, r"create_engine\(url\).*not a str"),
        (create_engine(ADDRESS).url, "not a URL"),
        (None, "not a NoneType"),
        (create_async_engine(ADDRESS), "for an AsyncEngine: AsyncCampaignStore"),
        (create_async_engine(ADDRESS).sync_engine, "for an AsyncEngine: AsyncCampaignStore"),
        (create_engine("sqlite://"), r"psycopg 3 .*not sqlite\+pysqlite"),
    ],
)
def test_what_is_no_engine_of_psycopg_is_refused_by_the_constructor(engine: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        CampaignStore(engine, schema="public")


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        (ADDRESS, r"create_async_engine\(url\).*not a str"),
        (create_engine(ADDRESS), "for an Engine: CampaignStore"),
    ],
)
def test_by_the_asynchronous_one_too(engine: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        AsyncCampaignStore(engine, schema="public")


@pytest.mark.parametrize(
    ("store", "make_engine", "driver"),
    [
        (CampaignStore, create_engine, "psycopg2"),
        (AsyncCampaignStore, create_async_engine, "asyncpg"),
    ],
)
def test_another_driver_is_named(
    store: Callable[..., Any], make_engine: Callable[..., Any], driver: str, app_url: URL
) -> None:
    engine = make_engine(app_url.set(drivername=f"postgresql+{driver}"))
    with pytest.raises(TypeError, match=rf"psycopg 3 .*not postgresql\+{driver}"):
        store(engine, schema="public")


async def test_bind_refuses_another_driver(
    store: CampaignStore, async_store: AsyncCampaignStore, app_url: URL
) -> None:
    engine = create_engine(app_url.set(drivername="postgresql+psycopg2"))
    with engine.connect() as connection:
        for given in (connection, Session(connection)):
            with pytest.raises(TypeError, match=r"not postgresql\+psycopg2"):
                store.bind(given)
    engine.dispose()
    async_engine = create_async_engine(app_url.set(drivername="postgresql+asyncpg"))
    async with async_engine.connect() as async_connection:
        with pytest.raises(TypeError, match=r"not postgresql\+asyncpg"):
            await async_store.bind(async_connection)
    await async_engine.dispose()


async def test_bind_takes_its_own_kind_alone(
    store: CampaignStore, async_store: AsyncCampaignStore, app_url: URL
) -> None:
    wrong: Any
    async with async_store.engine.connect() as connection:
        for wrong in (connection, store.engine, app_url, None):
            with pytest.raises(TypeError, match="bind takes an open Connection or Session"):
                store.bind(wrong)
    with store.engine.connect() as sync_connection, Session(store.engine) as session:
        for wrong in (sync_connection, session, async_store.engine):
            with pytest.raises(TypeError, match="an open AsyncConnection or AsyncSession"):
                await async_store.bind(wrong)
    with create_engine("sqlite://").connect() as other, pytest.raises(TypeError, match="psycopg 3"):
        store.bind(other)


async def test_bind_takes_scoped_sessions(
    store: CampaignStore, async_store: AsyncCampaignStore, campaign_id: uuid.UUID
) -> None:
    sessions = scoped_session(sessionmaker(store.engine))
    assert store.bind(sessions).update_campaign_statistics(campaign_id).total_businesses == 0
    sessions.remove()
    scoped = async_scoped_session(lambda: AsyncSession(async_store.engine), lambda: 1)
    bound = await async_store.bind(scoped)
    assert (await bound.update_campaign_statistics(campaign_id)).total_businesses == 0
    await scoped.remove()


@pytest.mark.parametrize("options", [{"stream_results": True}, {"yield_per": 10}])
def test_an_engine_that_streams_its_results(
    app_url: URL, campaign_id: uuid.UUID, options: dict[str, Any]
) -> None:
    engine = create_engine(app_url, execution_options=options)
    store = CampaignStore(engine, schema="public")
    assert store.update_coverage_status(campaign_id, "00100", 1, 1, 1).businesses_found == 1
    assert store.track_campaign_cost(campaign_id, "bouncer", 1, 1).new_total == 1
    assert store.update_campaign_statistics(campaign_id).total_businesses == 0
    assert store.get_businesses_for_enrichment(campaign_id, "facebook") == ()
    block = store.run_in_transaction(
        lambda bound: bound.track_campaign_cost(campaign_id, "bouncer", 1, 1),
        cost_campaigns=[campaign_id],
    )
    assert block.new_total == 2
    with engine.connect() as connection:
        connection.execution_options(isolation_level="SERIALIZABLE")
        bound = store.bind(connection)
        bound.wait_at_cost_gates(campaign_id)
        assert bound.track_campaign_cost(campaign_id, "bouncer", 1, 1).new_total == 3
    engine.dispose()


@pytest.mark.parametrize("url", ["mysql://root@db/shop", "sqlite://", ""])
def test_the_services_own_database_url_does_not_matter(
    app_url: URL, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("CAMPAIGNDB_SCHEMA", "campaigns")
    assert CampaignStore(create_engine(app_url)).schema == "campaigns"


def test_another_encoding_than_utf_8_is_one_clear_error(
    app_url: URL, campaign_id: uuid.UUID
) -> None:
    engine = create_engine(app_url, connect_args={"client_encoding": "latin1"})
    store = CampaignStore(engine, schema="public")
    with pytest.raises(StoredFunctionError, match="encoding must be UTF8") as caught:
        store.update_coverage_status(campaign_id, "00100", 1, 1, 1)
    assert caught.value.retry_recommended is False
    with engine.connect() as connection, pytest.raises(StoredFunctionError, match="UTF8"):
        store.bind(connection)
    engine.dispose()


@pytest.mark.parametrize(
    "setting", ["default_transaction_isolation=serializable", "default_transaction_read_only=on"]
)
def test_a_session_whose_default_is_another_one_says_the_level_in_begin(
    app_url: URL, campaign_id: uuid.UUID, setting: str, owner_engine: Any
) -> None:
    with owner_engine.begin() as connection:
        connection.exec_driver_sql(
            "create function note_level() returns trigger language plpgsql as $$ begin"
            " raise 'at % and %', current_setting('transaction_isolation'),"
            " current_setting('transaction_read_only') using errcode = '22023'; end $$".replace(
                "%", "%%"
            )
        )
        connection.exec_driver_sql(
            "create trigger note_level before update on gmaps_campaign_coverage"
            " for each row execute function note_level()"
        )
    engine = create_engine(app_url, connect_args={"options": f"-c {setting}"})
    store = CampaignStore(engine, schema="public")
    for _ in range(2):
        with pytest.raises(StoredFunctionError, match="at read committed and off"):
            store.update_coverage_status(campaign_id, "00100", 1, 1, 1)
    assert store.get_businesses_for_enrichment(campaign_id, "facebook") == ()
    with engine.connect() as connection:
        assert connection.connection.driver_connection.autocommit is False
        assert connection.scalar(text("show transaction_isolation")) in (
            "read committed",
            "serializable",
        )
    engine.dispose()
