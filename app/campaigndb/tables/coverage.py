"""`gmaps_campaign_coverage`: one row for each ZIP code that a campaign is to scrape."""

from sqlalchemy import Column, Index, Integer, Table, Text, UniqueConstraint, text

from campaigndb.tables.metadata import (
    belongs_to,
    counter,
    finite_not_negative,
    flag,
    metadata,
    money_total,
    not_blank,
    not_negative,
    primary_key,
    text_list,
    timestamp,
)

campaign_coverage = Table(
    "gmaps_campaign_coverage",
    metadata,
    primary_key(),
    belongs_to("campaign_id", "gmaps_campaigns"),
    Column("zip_code", Text, nullable=False),
    text_list("keywords"),
    Column("max_results", Integer, nullable=False, server_default=text("200")),
    money_total("estimated_cost", nullable=True),
    flag("scraped"),
    timestamp("scraped_at"),
    counter("businesses_found"),
    counter("emails_found"),
    money_total("actual_cost"),
    timestamp("created_at", default_now=True),
    timestamp("updated_at", default_now=True),
    UniqueConstraint("campaign_id", "zip_code"),
    not_blank("zip_code"),
    *not_negative("max_results", "businesses_found", "emails_found"),
    *finite_not_negative("estimated_cost", "actual_cost"),
    # Each row is updated once or a few times, right after it was scraped.
    postgresql_with={"fillfactor": 80},
)

Index("idx_campaign_coverage_campaign_id", campaign_coverage.c.campaign_id)
