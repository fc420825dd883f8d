"""`campaigndb drift`: lines, formats, patterns, exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import URL

from tests.cli.conftest import CampaignDb
from tests.conftest import APP_ROLE
from tests.revisions import HEAD


@pytest.fixture(autouse=True)
def _application_role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGNDB_APP_ROLE", APP_ROLE)


def change(url: URL, *statements: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.replace("%", "%%"))
    engine.dispose()


def test_four_changes_are_four_lines(campaigndb: CampaignDb, database_url: URL) -> None:
    change(
        database_url,
        "alter table gmaps_businesses drop constraint ck_gmaps_businesses_latitude_range",
        "grant select on gmaps_campaigns to public",
        "update pg_index set indisvalid = false where indexrelid = "
        "'idx_api_costs_campaign_id'::regclass",
        "create or replace function scraped_text(p_value text) returns text language sql "
        "immutable parallel safe as 'select p_value'",
    )
    done = campaigndb("drift", "--keep-shadow")
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert len(lines) == 4
    constraint, function, grant, index = lines
    assert constraint.startswith(
        "constraint ck_gmaps_businesses_latitude_range on gmaps_businesses: expected, but missing; "
        "to mend: alter table public.gmaps_businesses add constraint"
    )
    assert function.startswith("function scraped_text(text): body: expected md5 ")
    assert "(in full with --json)" in function
    assert grant == (
        "grant SELECT on table gmaps_campaigns to PUBLIC: not expected, but there; "
        "to mend: revoke SELECT on table public.gmaps_campaigns from public"
    )
    assert index == (
        "index idx_api_costs_campaign_id: state: expected valid, found invalid; "
        "to mend: reindex index concurrently public.idx_api_costs_campaign_id"
    )
    assert "4 differences" in done.stderr


def test_a_clean_database_is_one_line(campaigndb: CampaignDb) -> None:
    done = campaigndb("drift", "--keep-shadow")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == f"schema public, revision {HEAD}: no drift\n"


def test_json_is_as_documented(campaigndb: CampaignDb, database_url: URL) -> None:
    change(database_url, "alter table gmaps_businesses alter column city set not null")
    done = campaigndb("drift", "--json", "--keep-shadow")
    assert done.exit_code == 1
    document: dict[str, Any] = json.loads(done.stdout)
    assert document == {
        "schema": "public",
        "revision": HEAD,
        "drift": True,
        "differences": [
            {
                "kind": "column",
                "name": "gmaps_businesses.city",
                "problem": "changed",
                "attribute": "nullable",
                "expected": True,
                "found": False,
                "mend": "alter table public.gmaps_businesses alter column city drop not null",
                "line": "column gmaps_businesses.city: nullable: expected yes, found no",
            }
        ],
        "ignored": [],
    }


def test_annotations_for_github(campaigndb: CampaignDb, database_url: URL) -> None:
    change(database_url, "comment on table gmaps_campaigns is 'half\n100%'")
    done = campaigndb("drift", "--format", "github", "--keep-shadow")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "::error title=Schema drift::table gmaps_campaigns: comment: expected none, "
        "found half 100%25 (to mend: comment on table public.gmaps_campaigns is null)",
        f"schema public, revision {HEAD}: 1 difference",
    ]


def test_patterns_leave_out_what_is_meant(
    campaigndb: CampaignDb, database_url: URL, tmp_path: Path
) -> None:
    change(
        database_url,
        "create table audit_log (id int primary key)",
        "alter table gmaps_api_costs set (autovacuum_enabled = off)",
    )
    file = tmp_path / "known.txt"
    file.write_text("# what the auditors need\n\ntable audit_* # of the auditors\ntable x # gone\n")
    done = campaigndb(
        "drift", "--keep-shadow", "--ignore-file", file, "--ignore", "table *_costs: options"
    )
    assert done.exit_code == 0
    assert done.stdout == f"schema public, revision {HEAD}: no drift, 2 ignored\n"
    assert done.stderr == "campaigndb: the pattern leaves out nothing: table x\n"


def test_a_pattern_without_a_reason_is_refused(campaigndb: CampaignDb, tmp_path: Path) -> None:
    file = tmp_path / "known.txt"
    file.write_text("table audit_*\n")
    done = campaigndb("drift", "--ignore-file", file)
    assert done.exit_code == 2
    assert f"{file}, line 1: no reason after the pattern" in done.stderr


def test_what_cannot_be_told_is_exit_code_2(
    campaigndb: CampaignDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    done = campaigndb("drift")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert campaigndb("drift", "--shadow-url", "::").exit_code == 2


def test_an_empty_database_has_no_revision(campaigndb: CampaignDb, database_url: URL) -> None:
    change(database_url, "drop schema public cascade", "create schema public")
    line = (
        f"revision of schema public: number: expected {HEAD}, found none, as the schema is not "
        "there; to mend: campaigndb db migrate (or alembic upgrade head)"
    )
    done = campaigndb("drift", "--ignore", "grant *", "--ignore", "schema *", "--ignore", "table *")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [line]

    document = json.loads(campaigndb("drift", "--json").stdout)
    assert (document["drift"], document["revision"]) == (True, HEAD)
    assert [each["mend"] for each in document["differences"]] == [line.partition("to mend: ")[2]]
    annotations = campaigndb("drift", "--format", "github")
    assert annotations.exit_code == 1
    assert annotations.stdout.splitlines() == [
        f"::error title=Schema drift::{line.replace('; to mend: ', ' (to mend: ')})",
        f"schema public, revision {HEAD}: 1 difference",
    ]


def test_a_database_without_a_revision_but_with_tables_is_compared(
    campaigndb: CampaignDb, database_url: URL
) -> None:
    change(database_url, "drop table alembic_version", "drop table gmaps_api_costs cascade")
    done = campaigndb("drift", "--keep-shadow")
    assert done.exit_code == 1
    assert f"revision of schema public: number: expected {HEAD}, found none; " in done.stdout
    assert "table gmaps_api_costs: expected, but missing" in done.stdout


def test_a_schema_that_does_not_exist_is_one_line(
    campaigndb: CampaignDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAMPAIGNDB_SCHEMA", "elsewhere")
    done = campaigndb("drift")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        f"revision of schema elsewhere: number: expected {HEAD}, found none, as the schema is not "
        "there; to mend: campaigndb db migrate (or alembic upgrade head)",
    ]
