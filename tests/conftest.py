"""One throw-away server for the whole run, one migrated template database a worker. The tests of
functions share a clone of it; each other test has a clone of its own. The server is the embedded
one, or that of `CAMPAIGNDB_PG_BIN`.
"""

from __future__ import annotations

import json
import os
import random
import signal
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from psycopg.sql import SQL, Identifier
from pytest_postgresql import factories
from sqlalchemy import Engine, Row, Table, create_engine, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from campaigndb import AsyncCampaignStore, CampaignStore
from campaigndb.calling.catalogue import FUNCTIONS
from campaigndb.embedded_server import temporary_server
from campaigndb.migrations.commands import upgrade
from campaigndb.settings import Settings, get_settings
from campaigndb.tables import businesses
from tests.support.database_state import unchanged
from tests.support.raw_calls import call_function, isolation_level
from tests.support.shared_database import SharedDatabase

SERVER_URL = "CAMPAIGNDB_TEST_SERVER_URL"
SEED = "CAMPAIGNDB_TEST_SEED"
APP_ROLE = "campaigndb_test_app"
APP_PASSWORD = "application"  # of a throw-away server on loopback
HELSINKI_PLACES = (
    Path(__file__).parents[1] / "examples" / "helsinki" / "data" / "helsinki_places.jsonl"
)

# Start servers, install or build something, in ways that their fixtures do not tell.
PROGRAMS = (
    "application_logic/test_program",
    "benchmarks/test_command",
    "claims/test_server_crash",
    "compatibility/",
    "cost_gate/test_crowds",
    "docs/test_pipelines",
    "drift/",
    "embedded_server/",
    "faults/",
    "helsinki/test_end",
    "helsinki/test_interruption",
    "history/",
    "migrations/",
    "roles/",
    "setup/",
    "supabase/test_javascript_package",
    "supabase/test_javascript_runtimes",
    "supabase/test_without_node",
    "supabase/test_without_the_extra",
)

# Folders of the tests that share a worker's database.
SHARING = {*FUNCTIONS, "claims", "emails", "envelope", "store"}

_resources = ExitStack()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--unit", action="store_true", help="only tests that need no server and no installation"
    )


def pytest_configure(config: pytest.Config) -> None:
    # A job in the background (`nohup make test &`) ignores Ctrl-C, and so would the programs that
    # tests start and interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.option.unit:
        return
    # The first process starts the server; pytest-xdist's workers inherit its address.
    if SERVER_URL not in os.environ:
        server = _resources.enter_context(temporary_server(Settings(_env_file=None)))
        os.environ[SERVER_URL] = server.url.render_as_string(hide_password=False)
        with psycopg.connect(_libpq(server.url), autocommit=True) as connection:
            # Tests leave logins half open. DROP DATABASE waits for them, a minute by default.
            connection.execute("alter system set authentication_timeout to '10s'")
            if connection.info.server_version >= 160000:
                # Half of what a connection costs is 4,096 hashes of its password.
                connection.execute("alter system set scram_iterations to 1")
                connection.execute("set scram_iterations to 1")
            connection.execute("select pg_reload_conf()")
            if connection.info.server_version >= 160000:
                connection.execute(
                    SQL("alter role {} password {}").format(
                        Identifier(str(server.url.username)), str(server.url.password)
                    )
                )
            connection.execute(f"create role {APP_ROLE} login password '{APP_PASSWORD}'")
    url = make_url(os.environ[SERVER_URL])
    config.option.postgresql_host = url.host
    config.option.postgresql_port = url.port
    config.option.postgresql_user = url.username
    config.option.postgresql_password = url.password


def pytest_unconfigure() -> None:
    _resources.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `--unit`, leaves out what needs a server or starts programs."""
    if not config.option.unit:
        return
    needed = {
        item: not {"server_url", "migrated_database"}.isdisjoint(
            item.fixturenames  # type: ignore[attr-defined]
        )
        or item.nodeid.removeprefix("tests/").startswith(PROGRAMS)
        for item in items
    }
    config.hook.pytest_deselected(items=[item for item in items if needed[item]])
    items[:] = [item for item in items if not needed[item]]


def _libpq(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture(autouse=True)
def _settings_are_read_anew() -> Iterator[None]:
    """A process reads them once; the next test may have another environment."""
    yield
    get_settings.cache_clear()


@pytest.fixture(scope="session")
def server_url() -> URL:
    """The test server's maintenance database, as superuser."""
    return make_url(os.environ[SERVER_URL])


def migrate_template(host: str, port: int, user: str, dbname: str, password: str, **_: Any) -> None:
    url = URL.create("postgresql+psycopg", user, password, host, int(port), dbname)
    upgrade(url, settings=Settings(_env_file=None, app_role=APP_ROLE))


postgresql_noproc = factories.postgresql_noproc(load=[migrate_template])
migrated_database = factories.postgresql("postgresql_noproc")


@pytest.fixture(scope="session")
def shared_database(server_url: URL, postgresql_noproc: Any) -> Iterator[SharedDatabase]:
    """The database that the tests of functions of this worker share."""
    database = SharedDatabase(server_url, postgresql_noproc.template_dbname)
    yield database
    database.drop()


@pytest.fixture
def database_url(request: pytest.FixtureRequest, server_url: URL) -> URL:
    """A migrated, empty database as its owner: the worker's, or for other tests one of their own.

    Either way a test may do with it what it likes.
    """
    if request.path.relative_to(Path(__file__).parent).parts[0] in SHARING:
        shared: SharedDatabase = request.getfixturevalue("shared_database")
        return shared.empty()
    info = request.getfixturevalue("migrated_database").info
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
            owner,
            "00100",
            # Its own word, as there is no Facebook page that would put it into the queue.
            [{"place_id": place_id, "name": "Kauppahalli", "needs_enrichment": True, **record}],
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
