"""No client can store what the contract rules out, whatever way it writes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from campaigndb.tables import metadata

REFUSED = (psycopg.errors.CheckViolation, psycopg.errors.NumericValueOutOfRange)
Rows = Callable[[str], list[tuple[Any, ...]]]

MONEY = {
    "gmaps_campaigns": (
        "estimated_cost",
        "actual_cost",
        "google_maps_cost",
        "facebook_cost",
        "linkedin_enrichment_cost",
        "bouncer_verification_cost",
        "budget_usd",
    ),
    "gmaps_campaign_coverage": ("estimated_cost", "actual_cost"),
    "gmaps_api_costs": ("cost_usd", "running_total"),
}
FINITE = MONEY | {
    "gmaps_businesses": ("rating", "bouncer_score"),
    "gmaps_facebook_enrichments": ("bouncer_score",),
    "gmaps_linkedin_enrichments": ("bouncer_score",),
    "gmaps_email_verifications": ("score",),
    "gmaps_business_emails": ("score",),
    "gmaps_lookups": ("reserved_usd",),
}
COUNTS = {
    "gmaps_campaigns": (
        "target_zip_count",
        "actual_zip_count",
        "total_businesses_found",
        "total_emails_found",
        "total_facebook_pages_found",
        "total_linkedin_profiles_found",
        "total_verified_emails",
    ),
    "gmaps_campaign_coverage": ("max_results", "businesses_found", "emails_found"),
    "gmaps_api_costs": ("items_processed",),
    "gmaps_businesses": ("reviews_count", "enrichment_attempts"),
    "gmaps_facebook_enrichments": ("page_likes", "page_followers"),
    "gmaps_linkedin_enrichments": ("connections",),
    "gmaps_lookups": ("attempts",),
    "gmaps_exports": ("leads",),
}
CHOICES = {
    ("gmaps_campaigns", "status"): ("draft", "running", "paused", "completed", "failed"),
    ("gmaps_campaigns", "coverage_profile"): ("aggressive", "balanced", "budget", "custom"),
    ("gmaps_api_costs", "service"): ("google_maps", "facebook", "linkedin", "bouncer"),
    ("gmaps_businesses", "email_source"): ("google_maps", "facebook", "linkedin", "not_found"),
    ("gmaps_business_emails", "source"): (
        "manual",
        "linkedin",
        "facebook",
        "google_maps",
        "generated",
    ),
    ("gmaps_business_emails", "status"): ("deliverable", "risky", "undeliverable", "unknown"),
    ("gmaps_businesses", "business_status"): (
        "operational",
        "closed_temporarily",
        "closed_permanently",
    ),
    ("gmaps_lookups", "kind"): ("facebook", "linkedin", "verification", "coverage"),
    ("gmaps_queue_heads", "kind"): ("facebook", "linkedin", "verification", "coverage"),
    ("gmaps_businesses", "enrichment_status"): ("pending", "enriched", "failed", "no_facebook"),
    ("gmaps_linkedin_enrichments", "profile_type"): ("company", "personal"),
    ("gmaps_linkedin_enrichments", "email_source"): (
        "linkedin_direct",
        "generated",
        "pattern_match",
    ),
}
NOT_BLANK = {
    "gmaps_campaigns": ("name",),
    "gmaps_campaign_coverage": ("zip_code",),
    "gmaps_businesses": ("place_id", "name"),
    "gmaps_email_verifications": ("email", "status"),
    "gmaps_business_emails": ("email",),
    "gmaps_rollout_percentages": ("function_name",),
    "gmaps_exports": ("format",),
}


@pytest.fixture
def store_value(owner: psycopg.Connection[Any]) -> Callable[[str, str, object], None]:
    """Sets one column of the one row that each table holds."""
    owner.execute(
        """
        with campaign as (
          insert into gmaps_campaigns (name) values ('x') returning id
        ), coverage as (
          insert into gmaps_campaign_coverage (campaign_id, zip_code)
          select id, '1' from campaign
        ), cost as (
          insert into gmaps_api_costs (campaign_id, service, cost_usd)
          select id, 'facebook', 1 from campaign
        ), business as (
          insert into gmaps_businesses (campaign_id, place_id, name)
          select id, 'p', 'P' from campaign returning id, campaign_id
        ), facebook as (
          insert into gmaps_facebook_enrichments (business_id, campaign_id)
          select id, campaign_id from business
        ), linkedin as (
          insert into gmaps_linkedin_enrichments (business_id, campaign_id)
          select id, campaign_id from business
        ), address as (
          insert into gmaps_business_emails (business_id, campaign_id, email, source)
          select id, campaign_id, 'a@b', 'facebook' from business
        ), lookup as (
          insert into gmaps_lookups (item_id, kind, campaign_id)
          select id, 'coverage', id from campaign
        ), head as (
          insert into gmaps_queue_heads (campaign_id, kind) select id, 'facebook' from campaign
        ), export as (
          insert into gmaps_exports (campaign_id, exported_at, leads, format)
          select id, now(), 1, 'csv' from campaign
        ), percentage as (
          insert into gmaps_rollout_percentages (function_name, percentage) values ('all', 25)
        )
        insert into gmaps_email_verifications (business_id, email, status)
        select id, 'a@b', 'deliverable' from business
        """
    )

    def store(table: str, column: str, value: object) -> None:
        statement = SQL("update {} set {} = %s").format(Identifier(table), Identifier(column))
        assert owner.execute(statement, [value]).rowcount == 1

    return store


StoreValue = Callable[[str, str, object], None]


def test_numbers_are_finite_and_not_negative(store_value: StoreValue) -> None:
    for table, columns in FINITE.items():
        for column in columns:
            for value in ("-0.0001", "NaN", "Infinity", "-Infinity"):
                # numeric(p, s) itself refuses infinity; the check has to refuse all else.
                with pytest.raises(REFUSED):
                    store_value(table, column, Decimal(value))
            store_value(table, column, Decimal("0"))


def test_no_numeric_column_of_the_tables_is_left_out_above(rows: Rows) -> None:
    numeric = {
        (table, column)
        for table, column in rows(
            "select table_name, column_name from information_schema.columns"
            " where table_schema = 'public' and data_type = 'numeric'"
        )
    }
    tested = {(table, column) for table, columns in FINITE.items() for column in columns}
    assert numeric - tested == {
        ("gmaps_campaigns", "coverage_percentage"),
        # What a repair found and what it put there: unconstrained, a wrong total may be NaN.
        ("gmaps_cost_repairs", "amount_before"),
        ("gmaps_cost_repairs", "amount_after"),
    }


def test_money_keeps_the_four_decimals_of_the_ledger(rows: Rows) -> None:
    for table, columns in MONEY.items():
        for column in columns:
            ((scale,),) = rows(
                "select numeric_scale from information_schema.columns where table_schema = 'public'"
                f" and table_name = '{table}' and column_name = '{column}'"
            )
            assert scale == 4, (table, column)


def test_counts_are_not_negative(store_value: StoreValue) -> None:
    for table, columns in COUNTS.items():
        for column in columns:
            with pytest.raises(psycopg.errors.CheckViolation):
                store_value(table, column, -1)
            store_value(table, column, 0)


def test_no_whole_number_of_the_tables_is_left_out_above(rows: Rows) -> None:
    whole = rows(
        "select table_name, column_name from information_schema.columns"
        " where table_schema = 'public' and data_type in ('integer', 'bigint')"
    )
    tested = [(table, column) for table, columns in COUNTS.items() for column in columns]
    tested.append(("gmaps_campaigns", "verdict_max_age_days"))
    tested.append(("gmaps_rollout_percentages", "percentage"))
    tested.append(("gmaps_campaigns", "max_lookup_attempts"))
    # A transaction's number.
    tested.append(("gmaps_businesses", "queue_position"))
    tested.append(("gmaps_businesses", "verification_position"))
    tested.append(("gmaps_queue_heads", "queue_position"))
    # A row that is locked, and how often.
    tested.append(("gmaps_suppression_gate", "id"))
    tested.append(("gmaps_suppression_gate", "changes"))
    assert sorted(whole) == sorted(tested)


def test_choices_are_the_contracts(store_value: StoreValue) -> None:
    for (table, column), choices in CHOICES.items():
        for choice in choices:
            store_value(table, column, choice)
        for other in ("", "no_choice", choices[0].upper(), f" {choices[0]}"):
            with pytest.raises(psycopg.errors.CheckViolation):
                store_value(table, column, other)


def test_what_names_a_thing_is_not_blank(store_value: StoreValue) -> None:
    for table, columns in NOT_BLANK.items():
        for column in columns:
            for blank in ("", "   "):
                with pytest.raises(psycopg.errors.CheckViolation):
                    store_value(table, column, blank)
            with pytest.raises(psycopg.errors.NotNullViolation):
                store_value(table, column, None)


@pytest.mark.parametrize(
    ("table", "column", "inside", "outside"),
    [
        ("gmaps_campaigns", "coverage_percentage", (0, 100), (-1, 101, Decimal("NaN"))),
        ("gmaps_campaigns", "verdict_max_age_days", (0, 36500), (-1, 36501)),
        ("gmaps_rollout_percentages", "percentage", (0, 100), (-1, 101)),
        ("gmaps_businesses", "latitude", (-90, 90), (-91, 91, float("nan"), float("inf"))),
        ("gmaps_businesses", "longitude", (-180, 180), (-181, 181, float("nan"))),
    ],
)
def test_degrees_and_percentages_have_bounds(
    store_value: StoreValue,
    table: str,
    column: str,
    inside: tuple[object, ...],
    outside: tuple[object, ...],
) -> None:
    for value in inside:
        store_value(table, column, value)
    for value in outside:
        with pytest.raises(psycopg.errors.CheckViolation):
            store_value(table, column, value)


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("gmaps_campaign_coverage", ["campaign_id", "zip_code"]),
        ("gmaps_businesses", ["place_id"]),
        ("gmaps_facebook_enrichments", ["business_id"]),
        ("gmaps_linkedin_enrichments", ["business_id"]),
    ],
)
@pytest.mark.usefixtures("store_value")
def test_there_is_one_row_of_a_kind(
    owner: psycopg.Connection[Any], table: str, columns: list[str]
) -> None:
    required = [
        column.name
        for column in metadata.tables[table].columns
        if not column.nullable and column.server_default is None and column.computed is None
    ]
    assert set(columns) <= set(required)
    listed = SQL(", ").join(map(Identifier, required))
    with pytest.raises(psycopg.errors.UniqueViolation):
        owner.execute(
            SQL("insert into {0} ({1}) select {1} from {0}").format(Identifier(table), listed)
        )


@pytest.mark.usefixtures("store_value")
def test_an_idempotency_key_is_used_once_in_a_campaign(owner: psycopg.Connection[Any]) -> None:
    entry = (
        "insert into gmaps_api_costs (campaign_id, service, cost_usd, metadata)"
        " select id, 'facebook', 1, jsonb_build_object('idempotency_key', %s::text)"
        " from gmaps_campaigns"
    )
    for key in ("a", "b", None, None):
        owner.execute(entry, [key])
    with pytest.raises(psycopg.errors.UniqueViolation):
        owner.execute(entry, ["a"])


def test_free_text_and_times_have_the_contracts_types(rows: Rows) -> None:
    """Scraped data is dirty: no length of a text may make a batch fail."""
    types = {
        kind
        for (kind,) in rows(
            "select distinct data_type from information_schema.columns"
            " where table_schema = 'public' and table_name ~ '^gmaps_(?!alembic_version)'"
        )
    }
    assert types == {
        "ARRAY",
        "bigint",
        "boolean",
        "bytea",
        "double precision",
        "integer",
        "jsonb",
        "numeric",
        "text",
        "timestamp with time zone",
        "uuid",
    }
