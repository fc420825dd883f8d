"""`--tenant NAME` and `--all-tenants`: each tenant's schema, and the worst exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import NullPool, create_engine
from sqlalchemy.engine import URL

from benchmarks.command import app as benchmarks
from campaigndb import CampaignStore
from campaigndb.cli.program import run_program
from campaigndb.operations.tenants.upgrades import upgrade_tenants
from campaigndb.settings import get_settings
from tests.migrations.catalog import connect
from tests.support.revisions import HEAD
from tests.tenants.tenants import SETTINGS, TENANTS, tenants_of

CampaignDb = Callable[..., Any]


def track(url: URL, name: str, cost: str) -> None:
    store = CampaignStore(create_engine(url, poolclass=NullPool), tenant=name)
    campaign = store.create_campaign_with_coverage({"name": name})
    store.track_campaign_cost(campaign.campaign_id, "facebook", 1, cost)


def test_reconcile(campaigndb: CampaignDb, tenants_url: URL) -> None:
    for name, cost in zip(TENANTS, ("1.5", "2.5"), strict=True):
        track(tenants_url, name, cost)
    clean = "1 campaign, 1 cost, discrepancy 0.0000\n"
    for name in TENANTS:
        one = campaigndb("reconcile", "--tenant", name)
        assert (one.exit_code, one.stdout, one.stderr) == (0, clean, "")
    every = campaigndb("reconcile", "--all-tenants")
    assert (every.exit_code, every.stderr) == (0, "")
    assert every.stdout == "".join(f"tenant {name}\n{clean}" for name in tenants_of(tenants_url))

    with connect(tenants_url) as connection:
        connection.execute("update acme.gmaps_campaigns set facebook_cost = 9")
    found = campaigndb("reconcile", "--all-tenants", "--json")
    assert found.exit_code == 1
    documents = {item["tenant"]: item for item in json.loads(found.stdout)["tenants"]}
    assert documents["acme"]["discrepancy"] == "7.5000"
    assert documents[TENANTS[1]]["discrepancies"] == []
    repaired = campaigndb("reconcile", "--tenant", "acme", "--repair")
    assert repaired.exit_code == 1
    assert repaired.stdout.endswith("1 total repaired\n")
    assert campaigndb("reconcile", "--all-tenants").exit_code == 0


def test_one_that_cannot_be_told_is_the_worst_and_stops_no_other(
    campaigndb: CampaignDb, tenants_url: URL
) -> None:
    with connect(tenants_url) as connection:
        connection.execute("drop table acme.gmaps_api_costs")
    result = campaigndb("reconcile", "--all-tenants")
    assert result.exit_code == 2
    assert result.stdout.count("discrepancy 0.0000\n") == 1
    assert "campaigndb: tenant acme: " in result.stderr
    assert "gmaps_api_costs" in result.stderr
    machine = campaigndb("reconcile", "--all-tenants", "--json")
    assert machine.exit_code == 2
    documents = {item["tenant"]: item for item in json.loads(machine.stdout)["tenants"]}
    assert "gmaps_api_costs" in documents["acme"]["error"]
    assert documents[TENANTS[1]]["discrepancy"] == "0.0000"


def test_drift(campaigndb: CampaignDb, tenants_url: URL, roles: list[str]) -> None:
    [done] = upgrade_tenants(
        tenants_url, [tenants_of(tenants_url)["acme"]], SETTINGS, app_role=roles[1]
    )
    assert done.failure is None
    with connect(tenants_url) as connection:
        connection.execute(f'drop index "{TENANTS[1]}".idx_api_costs_campaign_id')
    # Whose role it is is known from its schema.
    one = campaigndb("drift", "--tenant", "acme")
    assert (one.exit_code, one.stderr) == (0, "")
    assert one.stdout == f"schema acme, revision {HEAD}: no drift\n"
    every = campaigndb("drift", "--all-tenants", "--json")
    assert every.exit_code == 1
    documents = {item["tenant"]: item for item in json.loads(every.stdout)["tenants"]}
    assert documents["acme"]["drift"] is False
    [difference] = documents[TENANTS[1]]["differences"]
    assert difference["name"] == "idx_api_costs_campaign_id"


def test_stats(campaigndb: CampaignDb, tenants_url: URL) -> None:
    track(tenants_url, "acme", "1.5")
    one = campaigndb("stats", "--tenant", "acme", "--json")
    assert (one.exit_code, one.stderr) == (0, "")
    assert json.loads(one.stdout)["schema"] == "acme"
    every = campaigndb("stats", "--all-tenants", "--json")
    assert every.exit_code == 0
    found = {item["tenant"]: item for item in json.loads(every.stdout)["tenants"]}
    assert {name: found[name]["reconciliation"]["costs"] for name in TENANTS} == {
        "acme": 1,
        TENANTS[1]: 0,
    }
    assert "campaigndb_" in campaigndb("stats", "--tenant", "acme", "--prometheus").stdout
    for option in ("--prometheus", "--watch"):
        refused = campaigndb("stats", "--all-tenants", option)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert refused.stderr == (
            "campaigndb: --watch and --prometheus are for one tenant at a time: --tenant NAME\n"
        )


def test_report(campaigndb: CampaignDb, tenants_url: URL, tmp_path: Path) -> None:
    for name in TENANTS:
        track(tenants_url, name, "1.5")
    page = tmp_path / "page.html"
    one = campaigndb("report", "--tenant", "acme", "--no-drift", "--html", page)
    assert (one.exit_code, one.stderr) == (0, "")
    assert "acme" in page.read_text(encoding="utf-8")
    every = campaigndb("report", "--all-tenants", "--no-drift", "--html", page)
    assert every.exit_code == 0
    for name in TENANTS:
        assert name in (tmp_path / f"page.{name}.html").read_text(encoding="utf-8")
    refused = campaigndb("report", "--all-tenants", "--no-drift", "--html", "-")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.count("\n") == 1
    machine = campaigndb("report", "--all-tenants", "--no-drift", "--json")
    assert machine.exit_code == 0
    assert {item["tenant"] for item in json.loads(machine.stdout)["tenants"]} == set(TENANTS)


@pytest.mark.usefixtures("campaigndb")
def test_benchmarks(tenants_url: URL, capfd: pytest.CaptureFixture[str]) -> None:
    options = ["--quick", "--only", "update_coverage_status", "--json"]
    address = tenants_url.set(drivername="postgresql").render_as_string(hide_password=False)
    get_settings.cache_clear()
    command = typer.main.get_command(benchmarks)
    exit_code = run_program(command, "benchmarks", ["--all-tenants", *options, "--url", address])
    output, errors = capfd.readouterr()
    assert exit_code == 0, errors
    found = {item["tenant"]: item["items"] for item in json.loads(output)["tenants"]}
    assert set(found) == set(TENANTS)
    assert {figures[0]["name"] for figures in found.values()} == {"update_coverage_status"}


def test_whom_it_is_for_is_said_once_and_exists(campaigndb: CampaignDb, tenants_url: URL) -> None:
    for arguments, said in (
        (["--tenant", "acme", "--all-tenants"], "say --tenant NAME or --all-tenants"),
        (["--tenant", "nobody"], "there is no tenant nobody"),
        (["--tenant", 'a"b'], "is no tenant's name"),
    ):
        refused = campaigndb("reconcile", *arguments)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert said in refused.stderr
    with connect(tenants_url) as connection:
        for name in TENANTS:
            connection.execute(f'drop schema "{name}" cascade')
    nobody = campaigndb("reconcile", "--all-tenants")
    assert nobody.exit_code == 2
    assert "the database has no tenants" in nobody.stderr
