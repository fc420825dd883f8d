"""`campaigndb report`: a file that is whole or not there, standard output, what cannot be told."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from campaigndb import CampaignStore
from campaigndb.operations.report import MOST_CAMPAIGNS

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
        migration.execute(text("lock table gmaps_alembic_version in access exclusive mode"))
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


def test_more_campaigns_than_a_page_can_show_are_refused(campaigndb: CampaignDb) -> None:
    result = campaigndb("report", "--html", "-", "--campaigns", MOST_CAMPAIGNS + 1)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--campaigns" in result.stderr
    assert "at most 1,000 campaigns" in result.stderr


def test_the_same_figures_for_machines(
    campaigndb: CampaignDb, campaign_id: uuid.UUID, store: CampaignStore
) -> None:
    store.track_campaign_cost(campaign_id, "facebook", 1, "0.5")
    result = campaigndb("report", "--json", "--no-drift")
    assert (result.exit_code, result.stderr) == (0, "")
    figures = json.loads(result.stdout)
    assert figures["total"]["cost"] == "0.5000"
    assert figures["total"]["cost_per_lead"] is None
    assert [each["id"] for each in figures["campaigns"]] == [str(campaign_id)]
    assert figures["funnel"]["ready"] == figures["funnel"]["exported"] == 0
    assert (figures["drift"], figures["drift_unknown"]) == (None, "it was not asked for")
    refused = campaigndb("report")
    assert refused.exit_code == 2
    assert "give --html FILE, --json or both" in refused.stderr
