"""What goes wrong is one clear line, without the password, and nothing is half done."""

from __future__ import annotations

import subprocess

import pytest
from sqlalchemy.engine import URL

from campaigndb.migrations.commands import upgrade
from campaigndb.settings import Settings
from tests.migrations.catalog import connect, snapshot
from tests.migrations.programs import Alembic


def message(failed: subprocess.CompletedProcess[str]) -> str:
    """The one line that Alembic says it failed with."""
    assert failed.returncode != 0
    assert "Traceback" not in failed.stderr
    (line,) = [line for line in failed.stdout.splitlines() if line.strip()]
    assert line.strip().startswith("FAILED: ")
    return line.strip().removeprefix("FAILED: ")


def test_an_unreachable_server(alembic: Alembic) -> None:
    failed = alembic("upgrade", "head", url="postgresql://me:s3cret@127.0.0.1:1/nothing")
    assert "port 1 failed: Connection refused" in message(failed)
    assert "s3cret" not in failed.stdout + failed.stderr


def test_a_wrong_password(alembic: Alembic, server_url: URL) -> None:
    failed = alembic("upgrade", "head", url=server_url.set(password="s3cret"))
    assert 'password authentication failed for user "postgres"' in message(failed)
    assert "s3cret" not in failed.stdout + failed.stderr


def test_a_database_that_does_not_exist(alembic: Alembic, server_url: URL) -> None:
    failed = alembic("upgrade", "head", url=server_url.set(database="nowhere"))
    assert 'database "nowhere" does not exist' in message(failed)


@pytest.mark.parametrize("url", ["postgresql://me:s3cret@host:port/x", "mysql://me:s3cret@host/x"])
def test_no_database_url_at_all(alembic: Alembic, url: str) -> None:
    failed = alembic("upgrade", "head", url=url)
    assert message(failed).startswith("DATABASE_URL: ")
    assert "s3cret" not in failed.stdout + failed.stderr


def test_an_empty_database_url_is_not_the_embedded_server(alembic: Alembic) -> None:
    for command in (["upgrade", "head"], ["current"], ["upgrade", "head", "--sql"]):
        failed = alembic(*command, DATABASE_URL="")
        assert message(failed).startswith("DATABASE_URL: it is set, but empty")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CAMPAIGNDB_SCHEMA", 'a"; drop schema public'),
        ("CAMPAIGNDB_MIGRATION_LOCK_TIMEOUT", "soon"),
    ],
)
def test_a_setting_that_cannot_be(alembic: Alembic, variable: str, value: str) -> None:
    failed = alembic("upgrade", "head", url="postgresql://me@host/x", **{variable: value})
    assert message(failed).startswith(f"{variable}: ")


def test_an_owner_role_that_does_not_exist(alembic: Alembic, empty_database: URL) -> None:
    before = snapshot(empty_database)
    failed = alembic("upgrade", "head", url=empty_database, CAMPAIGNDB_OWNER_ROLE="no-owner")
    assert message(failed) == 'role "no-owner" does not exist (CAMPAIGNDB_OWNER_ROLE)'
    assert snapshot(empty_database) == before


@pytest.mark.parametrize("schema", ["public", "tenant"])
def test_an_application_role_that_does_not_exist(
    alembic: Alembic, empty_database: URL, schema: str
) -> None:
    before = snapshot(empty_database, schema)
    failed = alembic(
        "upgrade",
        "head",
        url=empty_database,
        CAMPAIGNDB_APP_ROLE='no "app"',
        CAMPAIGNDB_SCHEMA=schema,
    )
    assert message(failed).startswith(
        'the role "no ""app""" (CAMPAIGNDB_APP_ROLE) does not exist; create it first'
    )
    assert snapshot(empty_database, schema) == before


def test_a_lock_that_another_session_holds(alembic: Alembic, empty_database: URL) -> None:
    upgrade(empty_database, "0001", settings=Settings(_env_file=None))
    before = snapshot(empty_database)
    with connect(empty_database) as connection, connection.transaction():
        connection.execute("lock table gmaps_campaigns in access share mode")
        failed = alembic(
            "downgrade",
            "base",
            url=empty_database,
            CAMPAIGNDB_MIGRATION_LOCK_TIMEOUT="0.1",
            CAMPAIGNDB_MIGRATION_ATTEMPTS="2",
        )
    assert "CAMPAIGNDB_MIGRATION_LOCK_TIMEOUT (0.1 s) at each of" in message(failed)
    assert "CAMPAIGNDB_MIGRATION_ATTEMPTS (2) attempts" in message(failed)
    assert failed.stderr.count("Try 2 of 2 follows in") == 1
    assert "try again" in message(failed)
    assert snapshot(empty_database) == before
    with connect(empty_database) as connection:
        assert len(connection.execute("select from gmaps_alembic_version").fetchall()) == 1


def test_a_table_that_is_in_the_way(alembic: Alembic, empty_database: URL) -> None:
    """The last table of the first revision: all before it is rolled back, the schema's too."""
    with connect(empty_database) as connection:
        connection.execute("create table gmaps_email_verifications (id int)")
    before = snapshot(empty_database)
    failed = alembic("upgrade", "head", url=empty_database)
    assert message(failed) == 'relation "gmaps_email_verifications" already exists'
    assert snapshot(empty_database) == before
