"""`campaigndb tenant`: what it prints, and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.engine import URL

from tests.migrations.catalog import connect
from tests.support.revisions import HEAD
from tests.tenants.tenants import TENANTS, revisions_of

CampaignDb = Callable[..., Any]


def test_a_life(campaigndb: CampaignDb, tenants_url: URL) -> None:
    made = campaigndb("tenant", "create", "fresh")
    assert (made.exit_code, made.stderr) == (0, "")
    assert made.stdout == f"The tenant fresh: schema fresh, revision {HEAD}, no application role.\n"
    again = campaigndb("tenant", "create", "fresh")
    assert (again.exit_code, again.stdout) == (2, "")
    assert "the tenant fresh exists already: campaigndb tenant upgrade fresh" in again.stderr

    listed = json.loads(campaigndb("tenant", "list", "--json").stdout)
    assert {item["name"] for item in listed} == {*TENANTS, "fresh"}
    assert all(item["revision"] == HEAD and item["node"] is None for item in listed)
    assert all(item["size"] > 100_000 for item in listed)
    shown = campaigndb("tenant", "list")
    assert shown.exit_code == 0
    assert all(name in shown.stdout for name in (*TENANTS, "fresh"))
    assert "node" not in shown.stdout

    dropped = campaigndb("tenant", "drop", "fresh", "--yes")
    assert (dropped.exit_code, dropped.stderr) == (0, "")
    assert set(revisions_of(tenants_url)) == set(TENANTS)


def test_upgrading(campaigndb: CampaignDb, tenants_url: URL) -> None:
    with connect(tenants_url) as connection:
        connection.execute("update acme.gmaps_alembic_version set version_num = 'of_a_newer_one'")
    done = campaigndb("tenant", "upgrade", "--all", "--jobs", 1)
    assert done.exit_code == 1
    assert sorted(done.stdout.splitlines())[0].startswith(f"{TENANTS[1]}: at {HEAD}")
    assert "acme: FAILED at of_a_newer_one: Can't locate revision" in done.stdout
    assert done.stderr == "campaigndb: 1 of 2 tenants failed\n"

    one = campaigndb("tenant", "upgrade", TENANTS[1])
    assert (one.exit_code, one.stdout) == (0, f"{TENANTS[1]}: at {HEAD}\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["upgrade"], "name the tenants, or say --all"),
        (["upgrade", "acme", "--all"], "name the tenants, or say --all"),
        (["upgrade", "nobody"], "there is no tenant nobody"),
        (["upgrade", "--all", "--app-role", "app"], "--app-role is for one tenant"),
        (["create", "a.b"], "'a.b' is no tenant's name"),
        (["create", "fresh", "--app-role", "no_such_role"], "no_such_role (--app-role) does not"),
        (["drop", "acme"], "without a terminal nobody can be asked: say --yes"),
        (["drop", "nobody"], "there is no tenant nobody"),
        (["drop", "public", "--yes"], "CAMPAIGNDB_SCHEMA"),
        (["drop", "nobody", "--yes"], "there is no tenant nobody"),
        (["move", "acme", "--to", "node1:5432"], "the extension citus is not installed"),
        (["move", "acme", "--to", "node1"], "say it as host:port"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(
    campaigndb: CampaignDb, tenants_url: URL, arguments: list[str], said: str
) -> None:
    refused = campaigndb("tenant", *arguments)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert said in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert set(revisions_of(tenants_url)) == set(TENANTS)


def test_a_role_that_is_derived_from_the_name_and_does_not_exist(
    campaigndb: CampaignDb, tenants_url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAMPAIGNDB_TENANT_APP_ROLE", "no_such_{tenant}")
    refused = campaigndb("tenant", "create", "fresh")
    assert refused.exit_code == 2
    assert "no_such_fresh (CAMPAIGNDB_TENANT_APP_ROLE) does not exist" in refused.stderr
