"""A script changes only a database that is where the script starts from."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import URL

from campaigndb.migrations.commands import downgrade, offline_script, upgrade
from campaigndb.settings import Settings
from tests.migrations.catalog import connect, snapshot
from tests.migrations.programs import psql

SETTINGS = Settings(_env_file=None)


def refused(database: URL, script: str) -> str:
    """What the first statement says; nothing changes, though psql goes on after errors."""
    before = snapshot(database)
    applied = psql(database, r"\set ON_ERROR_STOP 0" + "\n" + script)
    assert snapshot(database) == before
    first, *_ = [line for line in applied.stderr.splitlines() if "ERROR:" in line]
    assert psql(database, script).returncode != 0
    return first.partition("ERROR:")[2].strip()


@pytest.mark.parametrize(
    ("direction", "steps", "at"),
    [
        ("upgrade", "0008:0010", "0005"),
        # These build, drop and fill outside of transactions.
        ("upgrade", "0005:0016", "0003"),
        ("downgrade", "0010:0008", "0009"),
        ("downgrade", "0014:0010", "0016"),
    ],
)
def test_another_revision_is_refused(
    database_url: URL, direction: str, steps: str, at: str
) -> None:
    downgrade(database_url, at, settings=SETTINGS)
    said = refused(database_url, offline_script(direction, steps, SETTINGS))
    start = steps.partition(":")[0]
    assert said == (
        f"the schema public is at {at}, and this script starts from {start}: nothing was changed"
    )


def test_an_empty_database_is_refused(empty_database: URL) -> None:
    said = refused(empty_database, offline_script("upgrade", "0008:0010", SETTINGS))
    assert said.startswith("the schema public is at no revision, and this script starts from 0008")


@pytest.mark.parametrize("start", ["base", "0008"])
def test_a_second_run_changes_nothing_and_says_so(empty_database: URL, start: str) -> None:
    if start != "base":
        upgrade(empty_database, start, settings=SETTINGS)
    script = offline_script("upgrade", f"{start}:0010", SETTINGS)
    applied = psql(empty_database, script)
    assert applied.returncode == 0, applied.stderr
    assert refused(empty_database, script) == (
        "the schema public is at 0010 already, where this script leads: nothing was changed"
    )


def test_a_script_for_an_empty_database_refuses_a_filled_one(database_url: URL) -> None:
    downgrade(database_url, "0009", settings=SETTINGS)
    said = refused(database_url, offline_script("upgrade", "0010", SETTINGS))
    assert said == (
        "the schema public is at 0009, and this script starts from no revision: nothing was changed"
    )


def test_a_script_stamps_only_from_where_it_starts(database_url: URL) -> None:
    assert "starts from 0008" in refused(
        database_url, offline_script("stamp", "0008:0009", SETTINGS)
    )
    downgrade(database_url, "0008", settings=SETTINGS)
    assert psql(database_url, offline_script("stamp", "0008:0009", SETTINGS)).returncode == 0
    with connect(database_url) as connection:
        assert connection.execute("table gmaps_alembic_version").fetchall() == [("0009",)]


def test_a_pasted_script_is_refused_as_one_message(database_url: URL) -> None:
    """As the SQL editor of Supabase sends it."""
    downgrade(database_url, "0005", settings=SETTINGS)
    before = snapshot(database_url)
    with connect(database_url) as connection, pytest.raises(Exception, match="starts from 0008"):
        connection.execute(offline_script("upgrade", "0008:0010", SETTINGS).encode(), prepare=False)
    assert snapshot(database_url) == before
