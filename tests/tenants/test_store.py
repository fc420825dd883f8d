"""A tenant's store writes to its tenant, whatever the connection was used for before or after."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from campaigndb import AsyncCampaignStore, CampaignStore
from tests.faults.pooler import PROGRAM, pgbouncer
from tests.faults.workers import without_encryption
from tests.migrations.catalog import connect
from tests.tenants.tenants import TENANTS

FIRST, SECOND = TENANTS
NAMES = text("select name from gmaps_campaigns")


@pytest.fixture
def engine(tenants_url: URL) -> Iterator[Engine]:
    """One connection, which goes from one to the next."""
    engine = create_engine(tenants_url, pool_size=1, max_overflow=0)
    yield engine
    engine.dispose()


def search_path(connection: Connection) -> str:
    return str(connection.execute(text("show search_path")).scalar_one())


def the_next_one_sees_nothing(engine: Engine) -> None:
    """The connection's next user has the search path that it came with, and no lock limit."""
    with engine.connect() as connection:
        assert search_path(connection) == '"$user", public'
        assert connection.execute(text("show lock_timeout")).scalar_one() == "0"


def work(store: CampaignStore, cost: str = "1") -> Any:
    created = store.create_campaign_with_coverage({"name": store.tenant}, ["00100"])
    campaign_id = created.campaign_id
    store.insert_businesses_batch(
        campaign_id, "00100", [{"place_id": "the same", "name": store.tenant}]
    )
    store.track_campaign_cost(campaign_id, "facebook", 1, cost)
    return campaign_id


def test_each_stores_rows_are_its_tenants(tenants_url: URL, engine: Engine) -> None:
    stores = [CampaignStore(engine, tenant=name) for name in TENANTS]
    for amount, store in enumerate(stores, start=1):
        campaign_id = work(store, str(amount))
        assert store.update_campaign_statistics(campaign_id).total_businesses == 1
        [found] = store.get_businesses_for_enrichment(campaign_id, "linkedin")
        assert found.name == store.tenant
        the_next_one_sees_nothing(engine)
    with connect(tenants_url) as connection:
        for amount, name in enumerate(TENANTS, start=1):
            rows = connection.execute(
                f'select c.name, b.name, c.actual_cost from "{name}".gmaps_campaigns as c'
                f' join "{name}".gmaps_businesses as b on b.campaign_id = c.id'
            ).fetchall()
            assert rows == [(name, name, Decimal(amount))]


def test_a_block_has_the_tenants_schema_and_leaves_it_with_its_transaction(engine: Engine) -> None:
    for name in TENANTS:
        store = CampaignStore(engine, tenant=name)
        campaign_id = work(store)

        def block(tx: Any) -> Any:
            tx.track_campaign_cost(campaign_id, "bouncer", 1, "0.5")  # noqa: B023
            assert search_path(tx.connection) in (
                f"{tx.schema}, pg_temp",
                f'"{tx.schema}", pg_temp',
            )
            return tx.connection.execute(NAMES).scalars().all()

        assert store.run_in_transaction(block, cost_campaigns=[campaign_id]) == [name]
        the_next_one_sees_nothing(engine)
        with pytest.raises(ZeroDivisionError):
            store.run_in_transaction(lambda tx: 1 // 0)
        the_next_one_sees_nothing(engine)


def test_a_bound_store_sets_the_callers_transaction_and_no_more(engine: Engine) -> None:
    for name in TENANTS:
        work(CampaignStore(engine, tenant=name))
    with engine.connect() as connection:
        for name, end in itertools.product(TENANTS, ("commit", "rollback")):
            CampaignStore(engine, tenant=name).bind(connection)
            assert connection.execute(NAMES).scalars().all() == [name]
            getattr(connection, end)()
            assert search_path(connection) == '"$user", public'
            connection.rollback()
    with Session(engine) as session:
        CampaignStore(engine, tenant=SECOND).bind(session)
        assert session.execute(NAMES).scalars().all() == [SECOND]
    the_next_one_sees_nothing(engine)


def test_functions_stay_with_their_schema_whatever_the_search_path_is(engine: Engine) -> None:
    first, second = (CampaignStore(engine, tenant=name) for name in TENANTS)
    with engine.connect() as connection:
        connection.execution_options(isolation_level="SERIALIZABLE")
        of_first, of_second = first.bind(connection), second.bind(connection)
        created = of_first.create_campaign_with_coverage({"name": FIRST})
        of_first.track_campaign_cost(created.campaign_id, "facebook", 1, "1")
        assert of_second.create_campaign_with_coverage({"name": SECOND}).zip_count == 0
        # The second is the caller's, who was the last to say so.
        assert connection.execute(NAMES).scalars().all() == [SECOND]
        rows = connection.execute(text("select name from acme.gmaps_campaigns")).scalars().all()
        assert rows == [FIRST]


def test_a_store_without_a_tenant_leaves_the_search_path_alone(engine: Engine) -> None:
    store = CampaignStore(engine, schema=FIRST)
    assert store.tenant is None
    assert store.run_in_transaction(lambda tx: search_path(tx.connection)) == '"$user", public'


@pytest.mark.parametrize("kind", [CampaignStore, AsyncCampaignStore])
def test_who_it_is_of_is_said_once_and_can_be_a_name(engine: Engine, kind: Any) -> None:
    with pytest.raises(ValueError, match="a tenant or of a schema"):
        kind(engine, tenant=FIRST, schema=FIRST)
    for wrong in ("", 'a"; drop schema acme; --', "public"):
        with pytest.raises(ValueError, match="tenant's name"):
            kind(engine, tenant=wrong)


async def test_the_same_of_the_store_for_asyncio(tenants_url: URL) -> None:
    engine = create_async_engine(tenants_url, pool_size=1, max_overflow=0)
    try:
        for name in TENANTS:
            store = AsyncCampaignStore(engine, tenant=name)
            campaign = await store.create_campaign_with_coverage({"name": name})
            await store.track_campaign_cost(campaign.campaign_id, "facebook", 1, "1")

            async def block(tx: Any) -> Any:
                return (await tx.connection.execute(NAMES)).scalars().all()

            assert await store.run_in_transaction(block) == [name]
            async with AsyncSession(engine) as session:
                await store.bind(session)
                assert (await session.execute(NAMES)).scalars().all() == [name]
            async with engine.connect() as connection:
                path = (await connection.execute(text("show search_path"))).scalar_one()
                assert path == '"$user", public'
    finally:
        await engine.dispose()


@pytest.mark.skipif(PROGRAM is None, reason="the program pgbouncer is not installed")
def test_through_a_transaction_pooler_nobody_sees_anothers_rows(tenants_url: URL) -> None:
    wrong: list[Any] = []

    def client(url: URL, name: str | None) -> None:
        engine = create_engine(url, connect_args={"prepare_threshold": None})
        try:
            if name is None:  # somebody else's program, without a schema of its own
                for _ in range(60):
                    with engine.connect() as connection:
                        if search_path(connection) != '"$user", public':
                            wrong.append(search_path(connection))
                return
            store = CampaignStore(engine, tenant=name)
            for number in range(12):
                campaign_id = store.create_campaign_with_coverage({"name": name}).campaign_id
                store.track_campaign_cost(campaign_id, "facebook", 1, "1")
                # A block that fails half-way must not leave its schema with the pooler either.
                if number % 4 == 0:
                    with pytest.raises(ZeroDivisionError):
                        store.run_in_transaction(lambda tx: 1 // 0)
                seen = store.run_in_transaction(
                    lambda tx: set(tx.connection.execute(NAMES).scalars()),
                    isolation_level="READ COMMITTED",
                )
                if seen != {name}:
                    wrong.append(seen)
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            wrong.append(error)
        finally:
            engine.dispose()

    with pgbouncer(tenants_url, pool_size=2) as port:
        url = without_encryption(tenants_url, port)
        threads = [
            threading.Thread(target=client, args=(url, name))
            for name in (FIRST, SECOND, FIRST, SECOND, None)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
    with connect(tenants_url) as connection:
        for name in TENANTS:
            found = connection.execute(
                f'select name, count(*) from "{name}".gmaps_campaigns group by 1'
            ).fetchall()
            assert found == [(name, 24)]
