"""`campaigndb rollout`: percentages shown with who says them, and set for running processes."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.engine import URL

from campaigndb.rollout.percentages import FUNCTION_NAMES
from campaigndb.tables import rollout_percentages

CampaignDb = Callable[..., Any]


def shown(campaigndb: CampaignDb) -> dict[str, tuple[int, str, int]]:
    result = campaigndb("rollout", "show", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    return {
        each["function"]: (each["percentage"], each["source"], each["campaigns"])
        for each in json.loads(result.stdout)["functions"]
    }


def test_at_first_nothing_goes_to_the_functions(
    campaigndb: CampaignDb, campaign_id: uuid.UUID
) -> None:
    assert shown(campaigndb) == dict.fromkeys(FUNCTION_NAMES, (0, "default", 0))


def test_percentages_are_set_and_shown(
    campaigndb: CampaignDb,
    campaign_id: uuid.UUID,
    rows: Callable[..., list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CAMPAIGNDB_ROLLOUT", '{"update_coverage_status": 75}')
    result = campaigndb("rollout", "set", "track_campaign_cost", "100")
    assert result.stdout == "100% of the campaigns now go to track_campaign_cost.\n"
    found = shown(campaigndb)
    assert found["track_campaign_cost"] == (100, "table", 1)
    assert found["update_coverage_status"][:2] == (75, "settings")
    table = campaigndb("rollout", "show").stdout
    assert "track_campaign_cost" in table
    assert table.endswith("\n1 campaign in all\n")

    assert campaigndb("rollout", "set", "all", "0").exit_code == 0
    assert set(shown(campaigndb).values()) == {(0, "table", 0)}
    [row] = rows(rollout_percentages)
    assert (row.function_name, row.percentage) == ("all", 0)
    assert row.changed_by


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("no_such_function", "25"), "there is no function 'no_such_function'"),
        (("all", "101"), "from 0 to 100: 101"),
        (("all", "-1"), "from 0 to 100: -1"),
        (("all", "many"), "'percentage'"),
        (("all", "NaN"), "'percentage'"),
        (("all", "--percent"), "'percentage'"),
    ],
)
def test_wrong_arguments_are_named(
    campaigndb: CampaignDb, arguments: tuple[str, ...], told: str
) -> None:
    result = campaigndb("rollout", "set", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_wrong_settings_are_one_line(
    campaigndb: CampaignDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAMPAIGNDB_ROLLOUT", '{"costs": 25}')
    result = campaigndb("rollout", "show")
    assert result.exit_code == 2
    assert result.stderr.startswith("campaigndb: CAMPAIGNDB_ROLLOUT: there is no function 'costs'")
    for value in ("25", "all: 25", '{"all": true}', '{"all": 25.5}', '{"all": "half"}'):
        monkeypatch.setenv("CAMPAIGNDB_ROLLOUT", value)
        result = campaigndb("rollout", "show")
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
        assert result.stderr.startswith("campaigndb: CAMPAIGNDB_ROLLOUT: ")


@pytest.mark.parametrize("command", [("show",), ("set", "all", "25")])
def test_the_application_role_may_not(
    campaigndb: CampaignDb,
    app_url: URL,
    command: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = app_url.set(drivername="postgresql").render_as_string(hide_password=False)
    monkeypatch.setenv("DATABASE_URL", url)
    result = campaigndb("rollout", *command)
    assert result.exit_code == 2
    assert "connect as the role that owns the tables" in result.stderr
