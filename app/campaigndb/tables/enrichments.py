"""`gmaps_facebook_enrichments`, `gmaps_linkedin_enrichments`: one current row for each business."""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB

from campaigndb.tables.metadata import (
    LINKEDIN_EMAIL_SOURCES,
    LINKEDIN_PROFILE_TYPES,
    belongs_to,
    finite_not_negative,
    flag,
    metadata,
    not_negative,
    one_of,
    primary_key,
    text_list,
    timestamp,
    verification_columns,
)


def _applied_keys() -> Column[Any]:
    """The idempotency keys of the items in this row, the newest last: none is applied twice."""
    return text_list("applied_keys")


facebook_enrichments = Table(
    "gmaps_facebook_enrichments",
    metadata,
    primary_key(),
    belongs_to("business_id", "gmaps_businesses"),
    belongs_to("campaign_id", "gmaps_campaigns"),
    Column("facebook_url", Text),
    Column("page_name", Text),
    Column("page_likes", BigInteger),
    Column("page_followers", BigInteger),
    text_list("emails"),
    Column("primary_email", Text),
    text_list("email_sources"),
    text_list("phone_numbers"),
    text_list("addresses"),
    *verification_columns(),
    flag("success"),
    Column("error_message", Text),
    Column("raw_data", JSONB),
    timestamp("scraped_at", default_now=True),
    timestamp("created_at", default_now=True),
    _applied_keys(),
    UniqueConstraint("business_id"),
    *not_negative("page_likes", "page_followers"),
    *finite_not_negative("bouncer_score"),
)

Index("idx_facebook_enrichments_campaign_id", facebook_enrichments.c.campaign_id)

linkedin_enrichments = Table(
    "gmaps_linkedin_enrichments",
    metadata,
    primary_key(),
    belongs_to("business_id", "gmaps_businesses"),
    belongs_to("campaign_id", "gmaps_campaigns"),
    Column("linkedin_url", Text),
    Column("profile_type", Text),
    Column("person_name", Text),
    Column("person_title", Text),
    Column("person_profile_url", Text),
    Column("company_name", Text),
    Column("location", Text),
    Column("connections", Integer),
    text_list("emails_found"),
    text_list("emails_generated"),
    Column("primary_email", Text),
    Column("email_source", Text),
    text_list("phone_numbers"),
    Column("email_quality_tier", Text),
    *verification_columns(),
    flag("success"),
    Column("error_message", Text),
    Column("raw_data", JSONB),
    timestamp("enriched_at", default_now=True),
    timestamp("created_at", default_now=True),
    timestamp("updated_at", default_now=True),
    _applied_keys(),
    UniqueConstraint("business_id"),
    one_of("profile_type", LINKEDIN_PROFILE_TYPES),
    one_of("email_source", LINKEDIN_EMAIL_SOURCES),
    *not_negative("connections"),
    *finite_not_negative("bouncer_score"),
)

Index("idx_linkedin_enrichments_campaign_id", linkedin_enrichments.c.campaign_id)
