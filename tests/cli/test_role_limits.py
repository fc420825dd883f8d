"""A role's own time limits hold for the commands: they set only what they were asked to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL

from campaigndb.cli.connection import connected
from campaigndb.database import on_begin, on_connect
from campaigndb.operations.tenants.registry import reader_connection
from campaigndb.settings import get_settings
from tests.conftest import APP_ROLE
from tests.migrations.catalog import connect

LIMITS = text("select current_setting('statement_timeout'), current_setting('lock_timeout')")


@pytest.fixture
def limited_url(app_url: URL, database_url: URL) -> URL:
    """As a role that the database gives 7 s a statement and 3 s a lock."""
    with connect(database_url) as connection:
        for name, value in (("statement_timeout", "7s"), ("lock_timeout", "3s")):
            connection.execute(
                f"alter role {APP_ROLE} in database {database_url.database} set {name} = '{value}'"
            )
    return app_url


def limits(engine: Engine) -> tuple[str, str]:
    with engine.connect() as connection:
        statement, lock = connection.execute(LIMITS).one()
    engine.dispose()
    return statement, lock


@pytest.fixture
def engine(limited_url: URL) -> Iterator[Engine]:
    engine = create_engine(limited_url)
    yield engine
    engine.dispose()


def test_a_command_keeps_the_roles_limits(
    limited_url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", limited_url.render_as_string(hide_password=False))
    get_settings.cache_clear()
    with connected() as engine:
        assert limits(engine) == ("7s", "3s")
    with reader_connection(limited_url, get_settings()) as connection:
        # Of its own it has but the limit for locks.
        assert connection.execute(LIMITS).one() == ("7s", "2s")


@pytest.mark.parametrize("configure", [on_connect, on_begin])
def test_only_what_is_asked_for_is_set(engine: Engine, configure: Callable[..., None]) -> None:
    configure(engine, search_path="public", lock_timeout=1.5)
    assert limits(engine) == ("7s", "1500ms")


@pytest.mark.parametrize("configure", [on_connect, on_begin])
def test_zero_is_no_limit(engine: Engine, configure: Callable[..., None]) -> None:
    configure(engine, search_path="public", lock_timeout=0, statement_timeout=0)
    assert limits(engine) == ("0", "0")
