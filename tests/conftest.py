"""One throw-away server for the whole run, one migrated template database a worker, one clone of
it a test. The server is the embedded one, or that of `CAMPAIGNDB_PG_BIN`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from pytest_postgresql import factories
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app import AsyncCampaignStore, CampaignStore
from app.embedded_server import temporary_server
from app.migrations.commands import upgrade
from app.settings import Settings

SERVER_URL = "CAMPAIGNDB_TEST_SERVER_URL"
APP_ROLE = "campaigndb_test_app"
APP_PASSWORD = "application"  # of a throw-away server on loopback

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
