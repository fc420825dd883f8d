"""`gmaps_businesses`: one row for each place, owned by the campaign that found it first."""

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Computed,
    Double,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from app.tables.metadata import (
    EMAIL_SOURCES,
    ENRICHMENT_STATUSES,
    counter,
    finite_not_negative,
    flag,
    metadata,
    not_blank,
    not_negative,
    one_of,
    primary_key,
    text_list,
    timestamp,
    verification_columns,
    within,
)


def _is_known(name: str, column: str) -> Column[Any]:
    return Column(name, Boolean, Computed(f"{column} is not null", persisted=True), nullable=False)


businesses = Table(
    "gmaps_businesses",
    metadata,
    primary_key(),
    Column(
        "campaign_id",
        UUID(as_uuid=True),
        ForeignKey("gmaps_campaigns.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("zip_code", Text),
    Column("place_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("address", Text),
    Column("city", Text),
    Column("state", Text),
    Column("postal_code", Text),
    Column("country", Text),
    Column("latitude", Double),
    Column("longitude", Double),
    Column("phone", Text),
    Column("website", Text),
    Column("email", Text),
    Column("email_source", Text),
    Column("category", Text),
    text_list("categories"),
    Column("description", Text),
    Column("rating", Numeric),
    Column("reviews_count", Integer),
    Column("price_level", Text),
    Column("hours", JSONB),
    Column("facebook_url", Text),
    Column("linkedin_url", Text),
    Column("instagram_url", Text),
    Column("twitter_url", Text),
    flag("needs_enrichment", default=True),
    Column("enrichment_status", Text, nullable=False, server_default=text("'pending'")),
    counter("enrichment_attempts"),
    timestamp("last_enrichment_attempt"),
    flag("linkedin_enriched"),
    *verification_columns(),
    Column("icebreaker", Text),
    Column("subject_line", Text),
    Column("raw_data", JSONB),
    timestamp("scraped_at", default_now=True),
    timestamp("created_at", default_now=True),
    timestamp("updated_at", default_now=True),
    # Small copies of "is it known?", so that statistics read an index instead of wide rows.
    _is_known("has_email", "email"),
    _is_known("has_facebook_page", "facebook_url"),
    _is_known("has_linkedin_profile", "linkedin_url"),
    not_blank("place_id"),
    not_blank("name"),
    one_of("email_source", EMAIL_SOURCES),
    one_of("enrichment_status", ENRICHMENT_STATUSES),
    within("latitude", -90, 90),
    within("longitude", -180, 180),
    *not_negative("reviews_count", "enrichment_attempts"),
    *finite_not_negative("rating", "bouncer_score"),
)

Index("idx_businesses_place_id", businesses.c.place_id, unique=True)
Index(
    "idx_businesses_campaign_id",
    businesses.c.campaign_id,
    postgresql_include=[
        "has_email",
        "has_facebook_page",
        "has_linkedin_profile",
        "email_verified",
    ],
)
# The two enrichment queues, in the order in which they are worked off.
Index(
    "idx_businesses_facebook_queue",
    businesses.c.campaign_id,
    businesses.c.created_at,
    businesses.c.id,
    postgresql_where=text("needs_enrichment and enrichment_status = 'pending'"),
)
Index(
    "idx_businesses_linkedin_queue",
    businesses.c.campaign_id,
    businesses.c.created_at,
    businesses.c.id,
    postgresql_where=text("not linkedin_enriched"),
)
