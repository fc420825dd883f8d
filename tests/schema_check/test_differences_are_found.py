"""Each difference between a database and the code is one line that names what and where."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from app.schema_check import schema_differences
from app.settings import Settings

Check = Callable[..., list[str]]

ANOTHER_BODY = """
    create or replace function scraped_text(p_value text) returns text
    language sql immutable parallel safe as $$ select p_value; $$
"""
ANOTHER_DEFAULT = """
    create or replace function get_businesses_for_enrichment_after(
      p_campaign_id uuid, p_enrichment_type varchar, p_after_created_at timestamptz default null,
      p_after_id uuid default null, p_limit int default 7
    ) returns table (
      business_id uuid, campaign_id uuid, place_id text, name text, address text, city text,
      state text, postal_code text, phone text, website text, email text, facebook_url text,
      linkedin_url text, enrichment_status text, enrichment_attempts int,
      needs_enrichment boolean, created_at timestamptz
    ) language plpgsql stable security definer set search_path from current
    as $$ begin return; end; $$
"""


@pytest.fixture
def check(database_url: URL, owner_engine: Engine, app_role: str) -> Check:
    def check(*statements: str) -> list[str]:
        with owner_engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))
        return schema_differences(database_url, Settings(_env_file=None, app_role=app_role))

    return check


def test_a_freshly_migrated_database_has_none(check: Check) -> None:
    assert check() == []


@pytest.mark.parametrize(
    ("statement", "difference"),
    [
        (
            "drop index idx_api_costs_campaign_id",
            "index idx_api_costs_campaign_id of gmaps_api_costs is missing",
        ),
        (
            "create index idx_odd on gmaps_api_costs (service)",
            "index idx_odd of gmaps_api_costs is not in the code",
        ),
        (
            "alter table gmaps_api_costs drop constraint fk_gmaps_api_costs_campaign_id",
            "foreign key fk_gmaps_api_costs_campaign_id of gmaps_api_costs is missing",
        ),
        (
            "alter table gmaps_facebook_enrichments drop constraint"
            " uq_gmaps_facebook_enrichments_business_id",
            "constraint uq_gmaps_facebook_enrichments_business_id of gmaps_facebook_enrichments"
            " is missing",
        ),
        (
            "alter table gmaps_businesses drop column phone",
            "column gmaps_businesses.phone is missing",
        ),
        (
            "alter table gmaps_businesses add column mood text",
            "column gmaps_businesses.mood is not in the code",
        ),
        (
            "alter table gmaps_businesses alter column name drop not null",
            "column gmaps_businesses.name: its nullable is True, expected False",
        ),
        (
            "alter table gmaps_api_costs alter column items_processed set default 7",
            "column gmaps_api_costs.items_processed: its default is 7, expected 0",
        ),
        (
            "alter table gmaps_businesses alter column reviews_count type bigint",
            "column gmaps_businesses.reviews_count: its type is BIGINT, expected INTEGER",
        ),
        ("create table gmaps_moods (id int)", "table gmaps_moods is not in the code"),
    ],
)
def test_a_table_that_differs(check: Check, statement: str, difference: str) -> None:
    assert check(statement) == [difference]


@pytest.mark.parametrize(
    ("statement", "differences"),
    [
        (ANOTHER_BODY, ["function scraped_text: its body is another one"]),
        (
            ANOTHER_DEFAULT,
            [
                "function get_businesses_for_enrichment_after: its parameters are"
                " p_campaign_id uuid, p_enrichment_type character varying,"
                " p_after_created_at timestamp with time zone default null,"
                " p_after_id uuid default null, p_limit integer default 7, expected"
                " p_campaign_id uuid, p_enrichment_type character varying,"
                " p_after_created_at timestamp with time zone default null,"
                " p_after_id uuid default null, p_limit integer default 100",
                "function get_businesses_for_enrichment_after: its settings are"
                ' search_path="$user", public, expected search_path=public, pg_temp',
                "function get_businesses_for_enrichment_after: its body is another one",
            ],
        ),
        (
            "alter function update_campaign_statistics(uuid) stable",
            ["function update_campaign_statistics: its volatility is stable, expected volatile"],
        ),
        (
            "alter function update_campaign_statistics(uuid) security invoker",
            ["function update_campaign_statistics: its security definer is off, expected on"],
        ),
        (
            "alter function scraped_text(text) strict",
            ["function scraped_text: its strict is on, expected off"],
        ),
        (
            "alter function scraped_text(text) parallel unsafe",
            ["function scraped_text: its parallel is unsafe, expected safe"],
        ),
        (
            "alter function update_campaign_statistics(uuid) reset search_path",
            [
                "function update_campaign_statistics: its settings are none,"
                " expected search_path=public, pg_temp"
            ],
        ),
        (
            "alter function track_campaign_cost(uuid, varchar, int, numeric, jsonb)"
            " reset default_transaction_isolation",
            [
                "function track_campaign_cost: its settings are enable_seqscan=off"
                " and search_path=public, pg_temp,"
                " expected default_transaction_isolation=serializable"
                " and enable_seqscan=off and search_path=public, pg_temp"
            ],
        ),
        (
            "alter function track_campaign_costs_batch(jsonb) set enable_seqscan to on",
            [
                "function track_campaign_costs_batch: its settings are"
                " default_transaction_isolation=serializable and enable_seqscan=on"
                " and search_path=public, pg_temp,"
                " expected default_transaction_isolation=serializable"
                " and enable_seqscan=off and search_path=public, pg_temp"
            ],
        ),
        (
            "create function scraped_text(int) returns int language sql as 'select 1';"
            " revoke all on function scraped_text(int) from public",
            ["function scraped_text exists 2 times with different parameters"],
        ),
    ],
)
def test_a_function_that_differs(check: Check, statement: str, differences: list[str]) -> None:
    assert check(statement) == differences


@pytest.mark.parametrize(
    ("statement", "difference"),
    [
        ("drop table gmaps_email_verifications", "table gmaps_email_verifications is missing"),
        (
            "drop function update_campaign_statistics(uuid)",
            "function update_campaign_statistics is missing",
        ),
    ],
)
def test_what_is_missing_altogether(check: Check, statement: str, difference: str) -> None:
    # What belongs to it is missing, too.
    assert difference in check(statement)


@pytest.mark.parametrize(
    ("statement", "difference"),
    [
        (
            "grant execute on function scraped_text(text) to public",
            "function scraped_text(text): everybody may execute it",
        ),
        (
            "alter table gmaps_campaigns disable row level security",
            "table gmaps_campaigns: row security is off",
        ),
        (
            "grant select on gmaps_campaigns to {role}",
            "table gmaps_campaigns: the role {role} has privileges on it",
        ),
        (
            "grant update on gmaps_api_costs to {role}",
            "table gmaps_api_costs: the role {role} has privileges on it",
        ),
        (
            "revoke update on gmaps_cost_gate_00 from {role}",
            "table gmaps_cost_gate_00: the role {role} may not lock it (no UPDATE)",
        ),
        (
            "grant insert on gmaps_cost_gate_63 to {role}",
            "table gmaps_cost_gate_63: the role {role} has other privileges than UPDATE on it",
        ),
        (
            "grant execute on function scraped_text(text) to {role}",
            "function scraped_text: the role {role} may execute it, though it is no caller's",
        ),
        (
            "revoke execute on function update_campaign_statistics(uuid) from {role}",
            "function update_campaign_statistics: the role {role} may not execute it",
        ),
    ],
)
def test_a_privilege_that_differs(
    check: Check, app_role: str, statement: str, difference: str
) -> None:
    assert difference.format(role=app_role) in check(statement.format(role=app_role))


def test_a_role_that_does_not_exist(database_url: URL) -> None:
    settings = Settings(_env_file=None, app_role="nobody at all")
    assert schema_differences(database_url, settings) == ["the role nobody at all does not exist"]


@pytest.mark.parametrize(
    ("statement", "live"),
    [
        ("update alembic_version set version_num = '0000'", "0000"),
        ("delete from alembic_version", "none"),
        ("drop table alembic_version", "none"),
    ],
)
def test_a_missing_revision(check: Check, statement: str, live: str) -> None:
    differences = check(statement)
    assert len(differences) == 1
    assert differences[0].startswith(f"the revision is {live}, the code's is ")


def test_a_schema_that_does_not_exist_is_not_made(database_url: URL, owner_engine: Engine) -> None:
    settings = Settings(_env_file=None, schema_name="elsewhere")
    assert schema_differences(database_url, settings) == ["the schema elsewhere does not exist"]
    with owner_engine.connect() as connection:
        assert connection.execute(text("select to_regnamespace('elsewhere')")).scalar_one() is None


def test_tables_of_others_are_none_of_its_business(check: Check) -> None:
    assert check("create table customers (id int)") == []
