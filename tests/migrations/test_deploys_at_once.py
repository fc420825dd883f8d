"""Several deploys migrate one database at the same time: one does it, the others find it done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.util import CommandError
from sqlalchemy.engine import URL

from campaigndb.migrations.commands import upgrade
from campaigndb.settings import Settings
from tests.migrations.catalog import connect, names, snapshot
from tests.migrations.deploys import start_deploy
from tests.migrations.messages import at_first_message
from tests.migrations.programs import Alembic
from tests.migrations.project import LATEST, NEXT, Project

SETTINGS = Settings(_env_file=None)
DEPLOYS = 20
LOCKS = ["campaigndb migration", "campaigndb migration at work"]


def test_twenty_deploys_of_an_empty_database(
    empty_database: URL, second_database: URL, tmp_path: Path
) -> None:
    deploys = [
        start_deploy("upgrade", "head", url=empty_database, folder=tmp_path) for _ in range(DEPLOYS)
    ]
    failed = [deploy.said() for deploy in deploys if deploy.exit_code() != 0]
    assert failed == []
    upgrade(second_database, settings=SETTINGS)
    assert snapshot(empty_database) == snapshot(second_database)
    with connect(empty_database) as connection:
        assert len(connection.execute("select from gmaps_alembic_version").fetchall()) == 1
    ran = [deploy for deploy in deploys if "Running upgrade" in deploy.said()]
    assert len(ran) == 1


@contextmanager
def another_deploy(database: URL, lock: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(database, application_name="the other deploy") as connection:
        connection.execute("select pg_advisory_lock(hashtext(%s), hashtext('public'))", [lock])
        yield connection


@pytest.mark.parametrize("lock", LOCKS)
def test_a_deploy_says_whom_it_waits_for_and_gives_up_after_its_limit(
    alembic: Alembic, empty_database: URL, lock: str
) -> None:
    with another_deploy(empty_database, lock) as other:
        failed = alembic(
            "upgrade", "head", url=empty_database, CAMPAIGNDB_MIGRATION_DEPLOY_TIMEOUT="0.6"
        )
        process = other.info.backend_pid
    assert failed.returncode != 0
    (line,) = [line for line in failed.stdout.splitlines() if line.strip()]
    assert "CAMPAIGNDB_MIGRATION_DEPLOY_TIMEOUT (0.6 s)" in line
    assert line.endswith(": nothing was changed")
    for said in (line, failed.stderr):
        assert f"by the other deploy (user postgres, server process {process}, for " in said
    assert failed.stderr.count("Waiting for another migration of the schema public") == 1
    assert names(empty_database) == set()


@pytest.mark.parametrize("lock", LOCKS)
def test_a_deploy_goes_on_when_the_other_one_has_ended(empty_database: URL, lock: str) -> None:
    with (
        another_deploy(empty_database, lock) as other,
        at_first_message("Waiting for another migration", other.close) as messages,
    ):
        upgrade(empty_database, settings=SETTINGS)
    assert len(messages) == 1
    assert "track_campaign_cost" in names(empty_database)


def test_another_schema_waits_for_nobody(empty_database: URL) -> None:
    with another_deploy(empty_database, LOCKS[0]):
        upgrade(
            empty_database,
            settings=Settings(
                _env_file=None, schema_name="elsewhere", migration_deploy_timeout=0.01
            ),
        )
    assert "track_campaign_cost" in names(empty_database, "elsewhere")


def test_a_deploy_that_loses_its_lock_rolls_its_revision_back(
    project: Project, empty_database: URL
) -> None:
    upgrade(empty_database, settings=SETTINGS)
    before = snapshot(empty_database)
    terminate = (
        "op.execute('create table a_table ()');"
        " op.execute('select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and application_name like $$campaigndb migration,%$$')"
    )
    project.add_revision(NEXT, LATEST, upgrade=terminate)
    with pytest.raises(CommandError, match="holds the deploy lock was lost"):
        upgrade(empty_database, settings=SETTINGS)
    assert snapshot(empty_database) == before


def test_no_lock_outlives_a_deploy(empty_database: URL) -> None:
    upgrade(empty_database, settings=SETTINGS)
    with connect(empty_database) as connection:
        left = connection.execute(
            "select application_name from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
            "   and backend_type = 'client backend'"
        ).fetchall()
    assert left == []
