"""A migrated database of the test's own beside a shadow that all tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL

from campaigndb.operations.drift import DriftReport, find_drift
from campaigndb.settings import Settings
from tests.conftest import APP_ROLE

SETTINGS = Settings(_env_file=None, app_role=APP_ROLE)
Execute = Callable[[str], None]
FoundDrift = Callable[..., DriftReport]


@pytest.fixture
def admin_engine(database_url: URL) -> Iterator[Engine]:
    """For statements that no transaction may hold."""
    engine = create_engine(database_url, isolation_level="AUTOCOMMIT")
    yield engine
    with engine.connect() as connection:
        # A database with a subscription cannot be dropped.
        connection.exec_driver_sql("drop subscription if exists extra")
    engine.dispose()


@pytest.fixture
def execute(admin_engine: Engine) -> Execute:
    """Runs statements, separated by a semicolon at the end of a line, one by one."""

    def run(statements: str) -> None:
        with admin_engine.connect() as connection:
            for statement in statements.split(";\n"):
                connection.exec_driver_sql(statement.replace("%", "%%"))

    return run


@pytest.fixture
def found_drift(database_url: URL) -> FoundDrift:
    def find(**options: object) -> DriftReport:
        return find_drift(database_url, SETTINGS, keep_shadow=True, **options)  # type: ignore[arg-type]

    return find
