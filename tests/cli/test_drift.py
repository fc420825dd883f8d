"""`campaigndb drift`: lines, formats, patterns, exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import URL

from campaigndb.operations.drift.comparison import HEAD_FILES
from tests.cli.conftest import CampaignDb
from tests.conftest import APP_ROLE
from tests.migrations.programs import psql
from tests.support.revisions import HEAD


@pytest.fixture(autouse=True)
def _application_role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGNDB_APP_ROLE", APP_ROLE)


def change(url: URL, *statements: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.replace("%", "%%"))
    engine.dispose()


def test_each_change_is_a_line(campaigndb: CampaignDb, database_url: URL) -> None:
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
    lines = [line for line in done.stdout.splitlines() if not line.startswith("    ")]
    function, index, constraint, grant = lines
    assert constraint.startswith(
        "constraint ck_gmaps_businesses_latitude_range on gmaps_businesses: expected, but missing; "
        "to mend: alter table public.gmaps_businesses add constraint "
    )
    assert " not valid; " in constraint
    assert constraint.endswith(" … (in full with --format sql)")
    assert function.startswith("function scraped_text(text): body: 8 lines expected, 1 found")
    assert grant == (
        "grant SELECT on table gmaps_campaigns to PUBLIC: not expected, but there; "
        "to mend: revoke SELECT on table public.gmaps_campaigns from public"
    )
    assert index == (
        "index idx_api_costs_campaign_id: state: expected valid, found invalid; "
        "to mend: reindex index concurrently public.idx_api_costs_campaign_id"
    )
    assert "4 differences" in done.stderr


def test_a_changed_body_is_shown(campaigndb: CampaignDb, database_url: URL) -> None:
    source = (HEAD_FILES / "scraped_text.sql").read_text(encoding="utf-8")
    old, new = "-- Scrapers write", "-- Some scrapers write"
    change(database_url, source.replace(old, new))
    text = campaigndb("drift", "--keep-shadow").stdout
    assert "scraped_text(text): body: 1 line expected, 1 found instead" in text
    lines = [line.removeprefix("    ") for line in text.splitlines() if line.startswith("    ")]
    assert lines[:2] == [
        f"{sign} {side}/app/campaigndb/functions/scraped_text.sql"
        for sign, side in (("---", "a"), ("+++", "b"))
    ]
    assert [line for line in lines[2:] if line[0] in "-+"] == [
        f"{sign}{line.replace(old, start)}"
        for sign, start in (("-", old), ("+", new))
        for line in source.splitlines()
        if old in line
    ]
    [difference] = json.loads(campaigndb("drift", "--json", "--keep-shadow").stdout)["differences"]
    assert old in difference["expected"]
    assert new in difference["found"]
    assert difference["diff"].splitlines() == lines


def test_the_script_of_statements_mends(
    campaigndb: CampaignDb, database_url: URL, tmp_path: Path
) -> None:
    change(
        database_url,
        "drop index idx_businesses_place_id",
        "alter table gmaps_api_costs drop constraint pk_gmaps_api_costs",
        "drop function update_coverage_status",
        "create table audit_log (id int)",
        "alter table gmaps_campaigns alter name drop not null",
    )
    script = campaigndb("drift", "--keep-shadow", "--format", "sql")
    assert script.exit_code == 1
    assert "-- table audit_log: not expected, but there\n" in script.stdout
    assert "not ours? name them in the ignore file" in script.stderr
    done = psql(database_url, script.stdout)
    assert done.returncode == 0, done.stderr
    assert campaigndb("drift", "--ignore", "table audit_log", "--keep-shadow").exit_code == 0


def test_the_script_is_for_the_schema_that_was_compared(
    campaigndb: CampaignDb, database_url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAMPAIGNDB_SCHEMA", "Tenant-1")
    assert campaigndb("db", "migrate").exit_code == 0
    change(
        database_url,
        'drop function "Tenant-1".is_usable_email cascade',
        'alter table "Tenant-1".gmaps_api_costs drop constraint fk_gmaps_api_costs_campaign_id',
        'alter table "Tenant-1".gmaps_businesses alter needs_enrichment drop default',
    )
    script = campaigndb("drift", "--keep-shadow", "--format", "sql")
    assert script.exit_code == 1
    done = psql(database_url, script.stdout)
    assert done.returncode == 0, done.stderr
    assert campaigndb("drift", "--keep-shadow").exit_code == 0


def test_columns_in_another_order_are_reported_if_asked_for(
    campaigndb: CampaignDb, database_url: URL
) -> None:
    change(
        database_url,
        "alter table gmaps_campaign_coverage drop scraped_at",
        "alter table gmaps_campaign_coverage add scraped_at timestamptz",
    )
    assert campaigndb("drift", "--keep-shadow").exit_code == 0
    asked = campaigndb("drift", "--keep-shadow", "--column-order")
    assert asked.exit_code == 1
    assert asked.stdout.startswith("column gmaps_campaign_coverage.scraped_at: position: expected ")


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
                "statements": [
                    "alter table public.gmaps_businesses alter column city drop not null"
                ],
                "mend": "alter table public.gmaps_businesses alter column city drop not null",
                "diff": None,
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
    assert done.stderr == "campaigndb: the pattern no longer matches: table x\n"


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


def test_a_lost_version_row_says_stamp(campaigndb: CampaignDb, database_url: URL) -> None:
    change(database_url, "delete from gmaps_alembic_version")
    done = campaigndb("drift", "--keep-shadow")
    assert done.stdout.endswith("; to mend: alembic stamp head\n")


def test_a_database_without_a_revision_but_with_tables_is_compared(
    campaigndb: CampaignDb, database_url: URL
) -> None:
    change(database_url, "drop table gmaps_alembic_version", "drop table gmaps_api_costs cascade")
    done = campaigndb("drift", "--keep-shadow")
    assert done.exit_code == 1
    assert (
        f"revision of schema public: number: expected {HEAD}, found none, but the tables are there:"
        " name their revision by alembic stamp\n" in done.stdout
    )
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
