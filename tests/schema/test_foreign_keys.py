"""Children go with their campaign or business, and every foreign key has an index."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

Rows = Callable[[str], list[tuple[Any, ...]]]


def test_every_foreign_key_leads_an_index_over_all_rows(rows: Rows) -> None:
    keys = rows(
        """
        select k.conrelid::regclass::text, k.conname, exists (
          select from pg_index as i
          where i.indrelid = k.conrelid and i.indisvalid and i.indpred is null
            and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] = k.conkey
        )
        from pg_constraint as k
        where k.contype = 'f' and k.connamespace = 'public'::regnamespace
        """
    )
    assert len(keys) == 16
    assert [key for key in keys if not key[2]] == []


def test_what_becomes_of_children(rows: Rows) -> None:
    """c: they go too; n: they forget it. A verification outlives the enrichment it is about."""
    actions = dict(
        rows(
            "select conname, confdeltype from pg_constraint"
            " where contype = 'f' and connamespace = 'public'::regnamespace"
        )
    )
    assert {name for name, action in actions.items() if action != "c"} == {
        "fk_gmaps_email_verifications_facebook_enrichment_id",
        "fk_gmaps_email_verifications_linkedin_enrichment_id",
    }
    assert set(actions.values()) == {"c", "n"}


def test_a_deleted_campaign_takes_all_of_its_rows_along(
    owner: psycopg.Connection[Any], rows: Rows
) -> None:
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
        ), repair as (
          insert into gmaps_cost_repairs (campaign_id, total, amount_before, amount_after)
          select id, 'actual_cost', 'NaN', 1 from campaign
        ), business as (
          insert into gmaps_businesses (campaign_id, place_id, name)
          select id, 'p', 'P' from campaign returning id, campaign_id
        ), facebook as (
          insert into gmaps_facebook_enrichments (business_id, campaign_id)
          select id, campaign_id from business returning id
        ), linkedin as (
          insert into gmaps_linkedin_enrichments (business_id, campaign_id)
          select id, campaign_id from business returning id
        ), lookup as (
          insert into gmaps_lookups (item_id, kind, campaign_id)
          select id, 'coverage', id from campaign
        ), head as (
          insert into gmaps_queue_heads (campaign_id, kind) select id, 'facebook' from campaign
        ), export as (
          insert into gmaps_exports (campaign_id, exported_at, leads, format)
          select id, now(), 1, 'csv' from campaign
        ), address as (
          insert into gmaps_business_emails (business_id, campaign_id, email, source)
          select id, campaign_id, 'a@b', 'facebook' from business
        )
        insert into gmaps_email_verifications
          (business_id, facebook_enrichment_id, linkedin_enrichment_id, email, status)
        select business.id, facebook.id, linkedin.id, 'a@b', 'deliverable'
        from business, facebook, linkedin
        """
    )
    owner.execute("delete from gmaps_facebook_enrichments")
    assert rows(
        "select facebook_enrichment_id, linkedin_enrichment_id is null"
        " from gmaps_email_verifications"
    ) == [(None, False)]
    assert len(rows("select from gmaps_cost_repairs")) == 1
    owner.execute("delete from gmaps_campaigns")
    for (table,) in rows("select tablename from pg_tables where tablename ~ '^gmaps_(?!alembic)'"):
        assert rows(f"select from {table}") == [], table
