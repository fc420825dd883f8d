"""`gmaps_campaigns`: one lead-generation campaign, its counters and its cost totals."""

from sqlalchemy import ARRAY, Column, Integer, Numeric, Table, Text, text
from sqlalchemy.dialects.postgresql import UUID

from campaigndb.tables.metadata import (
    CAMPAIGN_STATUSES,
    COVERAGE_PROFILES,
    all_finite_not_negative,
    counter,
    finite_not_negative,
    metadata,
    money_total,
    none_negative,
    not_blank,
    not_negative,
    one_of,
    primary_key,
    text_list,
    timestamp,
    within,
)

COUNTERS = (
    "total_businesses_found",
    "total_emails_found",
    "total_facebook_pages_found",
    "total_linkedin_profiles_found",
    "total_verified_emails",
)

# Where each service's share of the actual cost is kept.
SERVICE_COST_COLUMNS = {
    "google_maps": "google_maps_cost",
    "facebook": "facebook_cost",
    "linkedin": "linkedin_enrichment_cost",
    "bouncer": "bouncer_verification_cost",
}
COST_TOTALS = ("actual_cost", *SERVICE_COST_COLUMNS.values())

campaigns = Table(
    "gmaps_campaigns",
    metadata,
    primary_key(),
    Column("name", Text, nullable=False),
    Column("description", Text),
    text_list("keywords"),
    Column("location", Text),
    Column("coverage_profile", Text, nullable=False, server_default=text("'balanced'")),
    Column("custom_zip_codes", ARRAY(Text)),
    Column("status", Text, nullable=False, server_default=text("'draft'")),
    counter("target_zip_count"),
    counter("actual_zip_count"),
    Column("coverage_percentage", Numeric(5, 2)),
    money_total("estimated_cost", nullable=True),
    Column("organization_id", UUID(as_uuid=True)),
    # An email address, a UUID, "system": what the caller knows its users by.
    Column("created_by", Text),
    # How old a verdict of the same address may be to be taken over instead of paid for again.
    Column("verdict_max_age_days", Integer, nullable=False, server_default=text("90")),
    # Claims stop before costs and reservations together pass it.
    money_total("budget_usd", nullable=True),
    Column("max_lookup_attempts", Integer, nullable=False, server_default=text("3")),
    *[counter(name) for name in COUNTERS],
    *[money_total(name) for name in COST_TOTALS],
    timestamp("created_at", default_now=True),
    timestamp("updated_at", default_now=True),
    timestamp("started_at"),
    timestamp("completed_at"),
    not_blank("name"),
    one_of("coverage_profile", COVERAGE_PROFILES),
    one_of("status", CAMPAIGN_STATUSES),
    within("coverage_percentage", 0, 100),
    within("verdict_max_age_days", 0, 36500),
    *not_negative("target_zip_count", "actual_zip_count"),
    *finite_not_negative("estimated_cost", "budget_usd"),
    within("max_lookup_attempts", 1, 1000),
    none_negative("counters", *COUNTERS),
    all_finite_not_negative("cost_totals", *COST_TOTALS),
    # Every cost and every count updates this row: room on the page keeps those updates HOT, and
    # under SERIALIZABLE an update that touches no index cannot conflict with other campaigns.
    postgresql_with={"fillfactor": 50},
)
