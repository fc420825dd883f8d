"""`campaigndb db`: the embedded server from the command line."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import URL

from tests.support.server_folders import server_folder

CampaignDb = Callable[..., Any]


@pytest.fixture
def data_dir(campaigndb: CampaignDb, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with server_folder("embedded server ") as folder:
        monkeypatch.setenv("CAMPAIGNDB_DATA_DIR", str(folder / "state"))
        monkeypatch.delenv("DATABASE_URL")
        yield folder / "state"
        campaigndb("db", "stop")


def test_it_is_started_migrated_used_and_stopped(campaigndb: CampaignDb, data_dir: Path) -> None:
    before = campaigndb("db", "status")
    assert (before.exit_code, before.stderr) == (1, "")
    assert before.stdout == f"PostgreSQL does not run (folder {data_dir}).\n"
    assert campaigndb("db", "stop").stdout == "PostgreSQL was not running.\n"

    started = campaigndb("db", "start")
    assert (started.exit_code, started.stderr) == (0, "")

    url = campaigndb("db", "url").stdout.strip()
    password = psycopg.conninfo.conninfo_to_dict(url)["password"]
    with psycopg.connect(url) as connection:
        assert connection.execute("select current_database()").fetchone() == ("campaigndb",)
    status = campaigndb("db", "status")
    assert status.exit_code == 0
    machine = json.loads(campaigndb("db", "status", "--json").stdout)
    assert machine["running"] is True
    assert str(machine["port"]) in status.stdout
    for output in (started.stdout, status.stdout, json.dumps(machine)):
        assert "postgresql://postgres@127.0.0.1:" in output
        assert str(password) not in output

    unmigrated = campaigndb("campaign", "list")
    assert (unmigrated.exit_code, unmigrated.stdout) == (2, "")
    assert "run campaigndb db migrate" in unmigrated.stderr
    assert campaigndb("db", "migrate").exit_code == 0
    assert campaigndb("campaign", "list").stdout == "0 campaigns\n"

    assert campaigndb("db", "stop").stdout == "PostgreSQL was stopped.\n"
    assert campaigndb("db", "status").exit_code == 1


def test_the_address_is_the_one_that_the_commands_use(
    campaigndb: CampaignDb, database_url: URL
) -> None:
    result = campaigndb("db", "url")
    expected = database_url.set(drivername="postgresql").render_as_string(hide_password=False)
    assert result.stdout == f"{expected}\n"
    other = campaigndb("db", "url", "--database", "another")
    assert other.stdout == f"{expected.replace('/' + str(database_url.database), '/another')}\n"


def test_a_server_that_cannot_start_is_one_line(
    campaigndb: CampaignDb, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CAMPAIGNDB_PG_BIN", str(tmp_path / "no programs"))
    for command in (["db", "start"], ["db", "status"], ["revision", "x"]):
        result = campaigndb(*command)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.count("\n") == 1
        assert "no programs" in result.stderr
