"""`campaigndb report`: a file that is whole or not there, standard output, what cannot be told."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

CampaignDb = Callable[..., Any]


@pytest.fixture(autouse=True)
def _campaign(campaign_id: uuid.UUID) -> None:
    """One campaign."""


def test_the_page_replaces_the_file(campaigndb: CampaignDb, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("earlier")
    (tmp_path / "link.html").symlink_to(path)
    before = path.stat().st_ino

    result = campaigndb("report", "--html", "link.html", "--no-drift")

    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    page = path.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "Helsinki" in page
    assert "it was not asked for" in page
    assert path.stat().st_ino != before
    assert (tmp_path / "link.html").is_symlink()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link.html", "report.html"]


def test_standard_output_with_the_schemas_state(campaigndb: CampaignDb) -> None:
    result = campaigndb("report", "--html", "-")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.endswith("</html>")
    # The application's role is not named in this environment.
    assert "Could not tell" not in result.stdout
    assert "Revision" in result.stdout


def test_a_schema_that_cannot_be_told_is_said_in_the_page(
    campaigndb: CampaignDb, owner_engine: Engine
) -> None:
    with owner_engine.connect() as migration, migration.begin():
        migration.execute(text("lock table alembic_version in access exclusive mode"))
        result = campaigndb("report", "--html", "-")
    assert result.exit_code == 0
    assert "Could not tell" in result.stdout
    assert "locked, probably by a migration" in result.stdout


def test_failures_leave_the_earlier_file(
    campaigndb: CampaignDb, tmp_path: Path, app_url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = campaigndb("report", "--html", tmp_path / "nowhere" / "report.html", "--no-drift")
    assert (missing.exit_code, missing.stderr.count("\n")) == (2, 1)
    assert f"{tmp_path / 'nowhere' / 'report.html'}: No such file" in missing.stderr

    (tmp_path / "report.html").write_text("earlier")
    url = app_url.set(drivername="postgresql").render_as_string(hide_password=False)
    monkeypatch.setenv("DATABASE_URL", url)
    refused = campaigndb("report", "--html", "report.html")
    assert refused.exit_code == 2
    assert "connect as the role that owns the tables" in refused.stderr
    assert (tmp_path / "report.html").read_text() == "earlier"
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
