"""Limits that a role, a database or a server has for callers do not end a migration."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy.engine import URL

from campaigndb.migrations.commands import offline_script, upgrade
from campaigndb.settings import Settings
from tests.migrations.catalog import connect, names
from tests.migrations.databases import PASSWORD, new_role
from tests.migrations.programs import psql
from tests.migrations.project import LATEST, NEXT, Project

SETTINGS = Settings(_env_file=None)


@pytest.fixture
def limited(empty_database: URL) -> Iterator[URL]:
    """The address of a role whose every limit is too short for a migration."""
    with new_role(empty_database, f"limited_{uuid.uuid4().hex}", "superuser login") as name:
        with connect(empty_database) as connection:
            limits = ["statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout"]
            if connection.info.server_version >= 170000:
                limits.append("transaction_timeout")
            for limit in limits:
                connection.execute(f"alter role {name} set {limit} to 300")
        yield empty_database.set(username=name, password=PASSWORD)
        with connect(empty_database) as connection:
            connection.execute(f"reassign owned by {name} to postgres")


@pytest.fixture
def slow_revision(project: Project) -> None:
    project.add_revision(
        NEXT,
        LATEST,
        upgrade="import time; op.execute('select pg_sleep(0.5)'); op.get_context().as_sql"
        " or time.sleep(0.5); op.execute('create table late ()')",
        downgrade="op.execute('drop table late')",
    )


@pytest.mark.usefixtures("slow_revision")
def test_online(limited: URL) -> None:
    upgrade(limited, settings=SETTINGS)
    assert "late" in names(limited)


@pytest.mark.usefixtures("slow_revision")
def test_as_a_script(limited: URL) -> None:
    applied = psql(limited, offline_script("upgrade", "head", SETTINGS))
    assert applied.returncode == 0, applied.stderr
    assert "late" in names(limited)
