"""`campaigndb db migrate`, `downgrade`, `current`, `history`, `stamp` and `grants`."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from campaigndb.database import without_password
from campaigndb.migrations.configuration import alembic_config
from tests.cli.conftest import CampaignDb, Result
from tests.conftest import APP_ROLE
from tests.support.server_folders import server_folder

SCRIPTS = ScriptDirectory.from_config(alembic_config())
REVISIONS = [script.revision for script in SCRIPTS.walk_revisions()]
HEAD, BEFORE = REVISIONS[:2]


def told(result: Result) -> str:
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def refused(result: Result) -> str:
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    return result.stderr


@pytest.mark.parametrize("by", ["-1", BEFORE])
def test_going_back_and_up_again(campaigndb: CampaignDb, by: str) -> None:
    assert told(campaigndb("db", "current")) == f"{HEAD} (head)\n"
    assert told(campaigndb("db", "downgrade", by)).endswith(f"is at revision {BEFORE}.\n")
    assert told(campaigndb("db", "current")) == f"{BEFORE}\n"
    assert "(current)" in told(campaigndb("db", "history", "-i"))
    assert told(campaigndb("db", "migrate")).endswith(f"is at revision {HEAD}.\n")


def test_a_revision_below_the_databases_is_refused(
    campaigndb: CampaignDb, owner_engine: Engine
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text(f"revoke all on all functions in schema public from {APP_ROLE}"))
    assert f"at {HEAD}, above {BEFORE}: campaigndb db downgrade {BEFORE} goes back" in refused(
        campaigndb("db", "migrate", BEFORE)
    )
    with owner_engine.begin() as connection:
        may = text(
            f"select has_function_privilege('{APP_ROLE}', oid, 'execute') from pg_proc"
            " where proname = 'track_campaign_cost'"
        )
        assert connection.execute(may).scalar_one() is False
    assert told(campaigndb("db", "migrate", HEAD))


def test_scripts_connect_nowhere(
    campaigndb: CampaignDb, monkeypatch: pytest.MonkeyPatch, database_url: URL
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    for command in (
        ("migrate",),
        ("migrate", f"{BEFORE}:{HEAD}"),
        ("downgrade", f"{HEAD}:{BEFORE}"),
        ("stamp", f"{BEFORE}:{HEAD}"),
    ):
        assert "COMMIT;" in told(campaigndb("db", *command, "--sql"))
    assert HEAD in told(campaigndb("db", "history"))


def test_a_lost_number_is_stamped(campaigndb: CampaignDb, owner_engine: Engine) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text("delete from gmaps_alembic_version"))
    assert told(campaigndb("db", "current")) == ""
    assert told(campaigndb("db", "stamp", "head")).endswith(f"is at revision {HEAD}.\n")


def test_grants_alone(
    campaigndb: CampaignDb,
    owner_engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may = text(
        f"select has_function_privilege('{APP_ROLE}', oid, 'execute') from pg_proc"
        " where proname = 'track_campaign_cost'"
    )
    revoke = text(f"revoke all on all functions in schema public from {APP_ROLE}")
    with owner_engine.begin() as connection:
        connection.execute(revoke)
    assert "no application role" in told(campaigndb("db", "grants"))
    monkeypatch.setenv("CAMPAIGNDB_APP_ROLE", APP_ROLE)
    assert APP_ROLE in told(campaigndb("db", "grants"))
    with owner_engine.connect() as connection:
        assert connection.execute(may).scalar_one() is True
        connection.execute(revoke)
        script = told(campaigndb("db", "grants", "--sql"))
        connection.exec_driver_sql(script.replace("%", "%%"))
        assert connection.execute(may).scalar_one() is True
    monkeypatch.setenv("CAMPAIGNDB_SCHEMA", "elsewhere")
    assert "the schema elsewhere of postgresql://" in refused(campaigndb("db", "grants"))


READING = [
    "campaign list",
    "db current",
    "db downgrade base",
    "db url",
    "drift",
    "reconcile",
    "stats",
    "tenant list",
]


@pytest.mark.parametrize("command", READING)
def test_a_command_that_only_reads_makes_no_server(
    campaigndb: CampaignDb, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    with server_folder("no server ") as folder:
        monkeypatch.setenv("CAMPAIGNDB_DATA_DIR", str(folder / "state"))
        line = refused(campaigndb(*command.split()))
        assert not (folder / "state").exists()
    assert line == (
        "campaigndb: there is no database: DATABASE_URL is not set, also not in a file .env from"
        f" {tmp_path} up to {tmp_path}, and no embedded server was made in {folder / 'state'}"
        " yet: set DATABASE_URL, or run campaigndb db migrate, which makes one\n"
    )


def test_a_missing_schema_is_told_with_the_database(
    campaigndb: CampaignDb, monkeypatch: pytest.MonkeyPatch, database_url: URL
) -> None:
    monkeypatch.setenv("CAMPAIGNDB_SCHEMA", "elsewhere")
    asked = without_password(database_url)
    for command in ("campaign list", "reconcile"):
        line = refused(campaigndb(*command.split()))
        assert f"the schema is not there in {asked}" in line
        assert "campaigndb db migrate" in line
