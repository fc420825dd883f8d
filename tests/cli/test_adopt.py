"""`campaigndb adopt`: shows what it would take, and keeps it with `--yes`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from campaigndb.tables import campaigns
from tests.adoption.test_original_database import ORIGINAL
from tests.migrations.catalog import connect
from tests.migrations.databases import new_database
from tests.support.database_state import unchanged

CampaignDb = Callable[..., Any]


def test_a_schema_is_shown_then_kept_then_there(
    campaigndb: CampaignDb,
    database_url: URL,
    owner_engine: Engine,
    rows: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with connect(database_url) as connection:
        connection.execute(ORIGINAL.encode())
    with unchanged(owner_engine):
        shown = campaigndb("adopt", "--from", "original", "--list", tmp_path / "untaken.csv")
    assert (shown.exit_code, shown.stderr) == (0, "")
    for line in (
        "actual_cost was 0.0200, is 0.0153",
        "gmaps_businesses.rating is negative: 1",
        "gmaps_businesses.company: 1 value",
        "gmaps_campaigns.team_color: 1 value",
        "name is missing",
        "Nothing was written: --yes keeps it.",
    ):
        assert line in shown.stdout
    # No value of a row: they may be people's.
    assert "@" not in shown.stdout
    assert len((tmp_path / "untaken.csv").read_text().splitlines()) == 10

    kept = campaigndb("adopt", "--from", "original", "--yes")
    assert kept.exit_code == 0
    assert kept.stdout.endswith("Kept.\n")
    assert len(rows(campaigns)) == 2
    assert campaigndb("reconcile").exit_code == 0


def test_another_database_by_its_url(
    campaigndb: CampaignDb, server_url: URL, rows: Callable[..., Any]
) -> None:
    with new_database(server_url) as other:
        with connect(other) as connection:
            connection.execute(ORIGINAL.encode())
        address = other.set(drivername="postgresql").render_as_string(hide_password=False)
        kept = campaigndb("adopt", "--from", address, "--source-schema", "original", "--yes")
    assert (kept.exit_code, kept.stderr) == (0, "")
    assert len(rows(campaigns)) == 2


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("public", "the schema public is where the tables are to go: rename"),
        ("nowhere", "the schema nowhere has no table gmaps_campaigns; nothing was changed"),
        ("mysql://u:secret@h/db", "--from: the database must be postgresql, not mysql"),
    ],
)
def test_what_cannot_be_a_source_is_told(campaigndb: CampaignDb, source: str, told: str) -> None:
    result = campaigndb("adopt", "--from", source)
    assert result.exit_code == 2
    assert told in result.stderr
    assert "secret" not in result.stderr
