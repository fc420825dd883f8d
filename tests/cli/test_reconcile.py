"""`campaigndb reconcile`: exit code 0 clean, 1 a discrepancy, 2 could not tell."""

import json
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from campaigndb import CampaignStore
from campaigndb.tables import campaigns, cost_repairs

CampaignDb = Callable[..., Any]


@pytest.fixture(autouse=True)
def _costs(store: CampaignStore, campaign_id: uuid.UUID) -> None:
    store.track_campaign_cost(campaign_id, "facebook", 1, "1.5")
    store.track_campaign_cost(campaign_id, "bouncer", 1, "0.0001")


def test_clean(campaigndb: CampaignDb) -> None:
    result = campaigndb("reconcile")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "1 campaign, 2 costs, discrepancy 0.0000\n"
    assert json.loads(campaigndb("reconcile", "--json").stdout) == {
        "campaigns": 1,
        "costs": 2,
        "discrepancy": "0.0000",
        "discrepancies": [],
    }


def test_a_discrepancy(
    campaigndb: CampaignDb, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text("delete from gmaps_api_costs where service = 'bouncer'"))

    result = campaigndb("reconcile")

    assert (result.exit_code, result.stderr) == (1, "")
    for shown in (str(campaign_id), "Helsinki", "actual_cost", "1.5001", "1.5000", "0.0001"):
        assert shown in result.stdout
    assert result.stdout.endswith("1 campaign, 1 cost, discrepancy 0.0002\n")
    machine = campaigndb("reconcile", "--json")
    assert machine.exit_code == 1
    assert json.loads(machine.stdout)["discrepancies"] == [
        {
            "campaign_id": str(campaign_id),
            "campaign": "Helsinki",
            "what": what,
            "total": total,
            "ledger": ledger,
            "difference": "0.0001",
        }
        for what, total, ledger in (
            ("actual_cost", "1.5001", "1.5000"),
            ("bouncer_verification_cost", "0.0001", "0"),
        )
    ]


def test_a_repair(
    campaigndb: CampaignDb, owner_engine: Engine, campaign_id: uuid.UUID, row: Callable[..., Any]
) -> None:
    clean = campaigndb("reconcile", "--repair")
    assert (clean.exit_code, clean.stderr) == (0, "")
    assert clean.stdout == "1 campaign, 2 costs, discrepancy 0.0000\n0 totals repaired\n"
    with owner_engine.begin() as connection:
        connection.execute(text("update gmaps_campaigns set facebook_cost = 9"))

    result = campaigndb("reconcile", "--repair")

    # Found, and repaired.
    assert (result.exit_code, result.stderr) == (1, "")
    assert "discrepancy 7.5000\n" in result.stdout
    assert result.stdout.endswith("\n1 total repaired\n")
    *_, repair, _, _ = result.stdout.splitlines()
    assert [cell.strip() for cell in repair.strip("│").split("│")] == [
        str(campaign_id),
        "Helsinki",
        "facebook_cost",
        "9.0000",
        "1.5000",
    ]
    assert row(campaigns).facebook_cost == Decimal("1.5")
    assert row(cost_repairs).total == "facebook_cost"
    assert campaigndb("reconcile").exit_code == 0
    again = campaigndb("reconcile", "--repair", "--json")
    assert (again.exit_code, json.loads(again.stdout)["repairs"]) == (0, [])


def test_a_repair_for_machines(
    campaigndb_process: Callable[..., Any], owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text("update gmaps_campaigns set facebook_cost = 9"))

    process = campaigndb_process("reconcile", "--repair", "--json")
    output, errors = process.communicate(timeout=60)

    assert (process.returncode, errors) == (1, "")
    assert json.loads(output)["repairs"] == [
        {
            "campaign_id": str(campaign_id),
            "campaign": "Helsinki",
            "total": "facebook_cost",
            "amount_before": "9.0000",
            "amount_after": "1.5000",
        }
    ]
    process = campaigndb_process("reconcile", "--repair")
    assert (process.wait(60), process.stdout.readline()[:12]) == (0, "1 campaign, ")


def test_a_repair_that_fails_says_what_was_found_and_why(
    campaigndb: CampaignDb, owner_engine: Engine, row: Callable[..., Any]
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text("update gmaps_campaigns set facebook_cost = 9"))
        connection.execute(text("alter table gmaps_cost_repairs add check (total is null)"))

    result = campaigndb("reconcile", "--repair")

    assert result.exit_code == 2
    assert result.stdout.endswith("\n0 totals repaired\n")
    assert "repair of campaign" in result.stderr
    assert result.stderr.count("\n") == 1
    assert row(campaigns).facebook_cost == 9


def test_it_cannot_tell_as_a_role_that_row_security_binds(
    campaigndb: CampaignDb, owner_engine: Engine, app_url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    with owner_engine.begin() as connection:
        for table in ("gmaps_campaigns", "gmaps_api_costs"):
            connection.execute(text(f"grant select on {table} to {app_url.username}"))
    url = app_url.set(drivername="postgresql").render_as_string(hide_password=False)
    monkeypatch.setenv("DATABASE_URL", url)

    result = campaigndb("reconcile")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "row-level security" in result.stderr
    assert result.stderr.count("\n") == 1
