"""Alembic's recipe for programs: `Config.attributes["connection"]`, and `sqlalchemy.url`."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import URL

from campaigndb.migrations.configuration import ALEMBIC_INI, alembic_config
from campaigndb.migrations.deploy_lock import own_session
from campaigndb.settings import Settings, get_settings
from tests.migrations.catalog import names, snapshot
from tests.migrations.project import LATEST, NEXT, Project

SETTINGS_OF_A_TRANSACTION = (
    "search_path",
    "role",
    "lock_timeout",
    "statement_timeout",
    "idle_in_transaction_session_timeout",
)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, second_database: URL) -> Iterator[None]:
    """DATABASE_URL names another database, which no test here may touch."""
    monkeypatch.setenv("DATABASE_URL", plain(second_database))
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()
    assert names(second_database) == set()


@pytest.fixture
def engine(empty_database: URL) -> Iterator[Engine]:
    engine = create_engine(empty_database)
    yield engine
    engine.dispose()


def plain(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def config(connection: Any = None, url: str | None = None) -> Config:
    made = Config(ALEMBIC_INI)
    made.attributes["configure_logging"] = False
    if connection is not None:
        made.attributes["connection"] = connection
    if url is not None:
        made.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return made


def in_force(connection: Connection) -> list[str]:
    return [
        connection.exec_driver_sql(f"show {name}").scalar_one()
        for name in SETTINGS_OF_A_TRANSACTION
    ]


def test_the_callers_transaction_holds_the_migration(engine: Engine, empty_database: URL) -> None:
    with engine.connect() as connection:
        with connection.begin() as transaction:
            connection.execute(text("create table of_the_caller ()"))
            before = in_force(connection)
            command.upgrade(config(connection), "head")
            assert in_force(connection) == before
            assert connection.execute(text("table gmaps_alembic_version")).scalar_one() == LATEST
            transaction.rollback()
        assert names(empty_database) == set()
        with connection.begin():
            command.upgrade(config(connection), "head")
    assert "track_campaign_cost" in names(empty_database)


def test_it_gives_the_same_catalog_as_the_command(
    engine: Engine, empty_database: URL, database_url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAMPAIGNDB_APP_ROLE", database_url.username or "")
    with engine.begin() as connection:
        command.upgrade(config(connection), "head")
        command.downgrade(config(connection), "base")
        command.upgrade(config(connection), "head")
    assert snapshot(empty_database)["columns"] == snapshot(database_url)["columns"]
    assert [row[:4] for row in snapshot(empty_database)["functions"]] == [
        row[:4] for row in snapshot(database_url)["functions"]
    ]


def test_a_connection_without_a_transaction_gets_one(engine: Engine, empty_database: URL) -> None:
    with engine.connect() as connection:
        command.upgrade(config(connection), "head")
        assert not connection.in_transaction()
    assert "track_campaign_cost" in names(empty_database)


def test_a_failure_leaves_nothing_and_the_connection_usable(
    engine: Engine, empty_database: URL
) -> None:
    with engine.connect() as connection:
        before = in_force(connection)
        connection.execute(text("create table gmaps_email_verifications ()"))
        with pytest.raises(CommandError, match="already exists"):
            command.upgrade(config(connection), "head")
        connection.rollback()
        assert in_force(connection) == before
    assert names(empty_database) == set()


def test_reading_commands_read_it(engine: Engine) -> None:
    with engine.begin() as connection:
        made = config(connection)
        made.stdout = io.StringIO()
        command.upgrade(made, "head")
        command.current(made)
        command.check(made)
    assert f"{LATEST} (head)" in made.stdout.getvalue()


@pytest.mark.parametrize("read", [command.current, command.check])
def test_reading_an_empty_database_leaves_it_empty(
    engine: Engine, empty_database: URL, read: Any
) -> None:
    with engine.begin() as connection:
        if read is command.check:
            with pytest.raises(CommandError, match="not up to date"):
                read(config(connection))
        else:
            read(config(connection))
    assert names(empty_database) == set()


def test_an_index_built_in_the_callers_transaction_is_built_in_it(
    project: Project, engine: Engine, empty_database: URL
) -> None:
    project.add_revision(
        NEXT,
        LATEST,
        upgrade="create_index_concurrently('idx_here', 'gmaps_businesses', ['city'])",
        downgrade="drop_index_concurrently('idx_here', 'gmaps_businesses')",
    )
    made = config()
    made.set_main_option("script_location", str(project.alembic))
    with engine.connect() as connection:
        made.attributes["connection"] = connection
        with connection.begin():
            command.upgrade(made, NEXT)
            command.downgrade(made, LATEST)
            command.upgrade(made, NEXT)
    assert "idx_here" in names(empty_database)


def test_an_engine_is_migrated_on_connections_of_its_own(
    engine: Engine, empty_database: URL
) -> None:
    command.upgrade(config(engine), "head")
    assert "track_campaign_cost" in names(empty_database)
    with engine.connect() as connection:
        assert in_force(connection)[0] == '"$user", public'


def test_a_connection_in_autocommit_mode_is_refused(engine: Engine, empty_database: URL) -> None:
    with (
        engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
        pytest.raises(CommandError, match="autocommit mode"),
    ):
        command.upgrade(config(connection), "head")
    assert names(empty_database) == set()


@pytest.mark.parametrize("given", ["postgresql://localhost/x", object()])
def test_what_is_no_connection_is_refused(given: object) -> None:
    with pytest.raises(CommandError, match="has to be SQLAlchemy's Connection or Engine, not"):
        command.upgrade(config(given), "head")


def test_another_projects_database_url_does_not_matter(
    engine: Engine, empty_database: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://somewhere/else")
    with engine.begin() as connection:
        command.upgrade(config(connection), "head")
    assert "track_campaign_cost" in names(empty_database)


def test_the_url_of_the_configuration_is_taken_where_database_url_is_not_set(
    empty_database: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    command.upgrade(config(url=plain(empty_database)), "0001")
    assert "track_campaign_cost" in names(empty_database)


def test_two_addresses_that_differ_are_refused(empty_database: URL, second_database: URL) -> None:
    with pytest.raises(CommandError) as refused:
        command.upgrade(config(url=plain(empty_database)), "head")
    assert str(refused.value).startswith("sqlalchemy.url (postgresql://postgres@")
    assert f"/{second_database.database}) differ: set one of them" in str(refused.value)
    assert str(empty_database.password) not in str(refused.value)
    assert names(empty_database) == set()


def test_the_same_address_twice_is_none_too_many(empty_database: URL, monkeypatch: Any) -> None:
    monkeypatch.setenv("DATABASE_URL", plain(empty_database))
    url = empty_database.render_as_string(hide_password=False)
    command.upgrade(config(url=url), "0001")
    assert "track_campaign_cost" in names(empty_database)


def test_an_address_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    with pytest.raises(CommandError, match=r"^sqlalchemy\.url: not a database URL"):
        command.upgrade(config(url="not one"), "head")


def test_other_commands_wait_for_a_deploy(empty_database: URL) -> None:
    """Whatever Alembic will learn: unless it is known to read, it takes the deploy lock."""
    settings = Settings(_env_file=None, migration_deploy_timeout=0.1)

    def a_command_of_next_year(_heads: Any, _context: Any) -> list[Any]:
        return []

    made = alembic_config(empty_database, settings=settings)
    scripts = ScriptDirectory.from_config(made)
    with own_session(empty_database, settings) as lock:
        lock.take()
        with (
            EnvironmentContext(made, scripts, fn=a_command_of_next_year),
            pytest.raises(CommandError, match="another migration of the schema public"),
        ):
            scripts.run_env()
        command.current(made)  # reads, and waits for nobody
