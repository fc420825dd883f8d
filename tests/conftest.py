"""One throw-away server for the whole run, one migrated template database a worker, one clone of
it a test. The server is the embedded one, or that of `CAMPAIGNDB_PG_BIN`.
"""

from __future__ import annotations

import json
import os
import random
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from pytest_postgresql import factories
from sqlalchemy import Engine, Row, Table, create_engine, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app import AsyncCampaignStore, CampaignStore
from app.embedded_server import temporary_server
from app.migrations.commands import upgrade
from app.settings import Settings
from app.tables import businesses
from tests.database_state import unchanged
from tests.raw_calls import call_function, isolation_level

SERVER_URL = "CAMPAIGNDB_TEST_SERVER_URL"
SEED = "CAMPAIGNDB_TEST_SEED"
APP_ROLE = "campaigndb_test_app"
APP_PASSWORD = "application"  # of a throw-away server on loopback
HELSINKI_PLACES = Path(__file__).parents[1] / "app" / "demo" / "data" / "helsinki_places.jsonl"

_resources = ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    # The first process starts the server; pytest-xdist's workers inherit its address.
    if SERVER_URL not in os.environ:
        server = _resources.enter_context(temporary_server(Settings(_env_file=None)))
        os.environ[SERVER_URL] = server.url.render_as_string(hide_password=False)
        with psycopg.connect(_libpq(server.url), autocommit=True) as connection:
            connection.execute(f"create role {APP_ROLE} login password '{APP_PASSWORD}'")
    url = make_url(os.environ[SERVER_URL])
    config.option.postgresql_host = url.host
    config.option.postgresql_port = url.port
    config.option.postgresql_user = url.username
    config.option.postgresql_password = url.password


def pytest_unconfigure() -> None:
    _resources.close()


def _libpq(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def server_url() -> URL:
    """The test server's maintenance database, as superuser."""
    return make_url(os.environ[SERVER_URL])


def migrate_template(host: str, port: int, user: str, dbname: str, password: str, **_: Any) -> None:
    url = URL.create("postgresql+psycopg", user, password, host, int(port), dbname)
    upgrade(url, settings=Settings(_env_file=None, app_role=APP_ROLE))


postgresql_noproc = factories.postgresql_noproc(load=[migrate_template])
migrated_database = factories.postgresql("postgresql_noproc")


@pytest.fixture
def database_url(migrated_database: psycopg.Connection[Any]) -> URL:
    """A migrated, empty database of this test's own, as its owner."""
    info = migrated_database.info
    return URL.create(
        "postgresql+psycopg", info.user, info.password, info.host, info.port, info.dbname
    )


@pytest.fixture
def app_url(database_url: URL) -> URL:
    """The same database as the application role: it may execute functions and nothing else."""
    return database_url.set(username=APP_ROLE, password=APP_PASSWORD)


@pytest.fixture
def owner_engine(database_url: URL) -> Iterator[Engine]:
    """For looking at the tables, which the application role may not."""
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def app_engine(app_url: URL) -> Iterator[Engine]:
    engine = create_engine(app_url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(app_engine: Engine) -> CampaignStore:
    """A store as an application has it: through the application role."""
    return CampaignStore(app_engine, schema="public")


@pytest_asyncio.fixture
async def async_engine(app_url: URL) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(app_url)
    yield engine
    await engine.dispose()


@pytest.fixture
def async_store(async_engine: AsyncEngine) -> AsyncCampaignStore:
    return AsyncCampaignStore(async_engine, schema="public")


@pytest.fixture
def campaign_id(store: CampaignStore) -> uuid.UUID:
    """A campaign over two ZIP codes."""
    return store.create_campaign_with_coverage({"name": "Helsinki"}, ["00100", "00120"]).campaign_id


@pytest.fixture
def other_campaign_id(store: CampaignStore) -> uuid.UUID:
    return store.create_campaign_with_coverage({"name": "Espoo"}).campaign_id


@pytest.fixture
def rows(owner_engine: Engine) -> Callable[..., list[Row[Any]]]:
    """Reads a table's rows: `rows(businesses, place_id="…")`."""

    def read(table: Table, **values: Any) -> list[Row[Any]]:
        with owner_engine.connect() as connection:
            return list(connection.execute(select(table).filter_by(**values)))

    return read


@pytest.fixture
def row(rows: Callable[..., list[Row[Any]]]) -> Callable[..., Row[Any]]:
    """Reads the only row that matches: `row(businesses, place_id="…")`."""

    def read(table: Table, **values: Any) -> Row[Any]:
        [only] = rows(table, **values)
        return only

    return read


@pytest.fixture
def add_business(
    store: CampaignStore, campaign_id: uuid.UUID, row: Callable[..., Row[Any]]
) -> Callable[..., uuid.UUID]:
    """Stores one business as a scraper does and returns its id: `add_business("place", email=…)`"""

    def add(place_id: str = "place", owner: uuid.UUID = campaign_id, **record: Any) -> uuid.UUID:
        store.insert_businesses_batch(
            owner, "00100", [{"place_id": place_id, "name": "Kauppahalli", **record}]
        )
        return row(businesses, place_id=place_id).id

    return add


@pytest.fixture
def raw_call(app_engine: Engine) -> Callable[..., Any]:
    """Calls a function in plain SQL, at its level, and commits: `raw_call("…", p_name=value)`."""

    def call(function: str, **parameters: Any) -> Any:
        with app_engine.connect() as connection:
            connection.execution_options(isolation_level=isolation_level(function))
            with connection.begin():
                return call_function(connection, function, parameters)

    return call


@pytest.fixture
def nothing_changes(owner_engine: Engine) -> Callable[[], AbstractContextManager[None]]:
    """`with nothing_changes():` around what must leave every table as it was."""
    return lambda: unchanged(owner_engine)


@pytest.fixture(scope="session")
def helsinki_places() -> list[dict[str, Any]]:
    """Real scraper's records of central Helsinki, in order."""
    return [json.loads(line) for line in HELSINKI_PLACES.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Every choice of a test comes from here. What the machine does with it is its own choice."""
    seed = os.environ.get(SEED) or str(random.SystemRandom().randrange(10**6))
    print(f"{SEED}={seed}")
    return random.Random(f"{seed} {request.node.name}")
