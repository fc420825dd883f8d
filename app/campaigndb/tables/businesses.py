"""`gmaps_businesses`: one row for each place, owned by the campaign that found it first."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    DateTime,
    Double,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from campaigndb.tables.metadata import (
    BUSINESS_STATUSES,
    EMAIL_SOURCES,
    ENRICHMENT_STATUSES,
    belongs_to,
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
    belongs_to("campaign_id", "gmaps_campaigns"),
    Column("zip_code", Text),
    Column("place_id", Text, nullable=False),
    # Google's own number of the place, in decimal: joins records that say no place_id.
    Column("cid", Text),
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
    Column("business_status", Text),
    # The transactions that put it into the queues of lookups, and its email into that of
    # verification. A later one adds behind them, whenever it commits.
    *[
        Column(
            name,
            BigInteger,
            nullable=False,
            server_default=text("(pg_current_xact_id()::text)::bigint"),
        )
        for name in ("queue_position", "verification_position")
    ],
    *verification_columns(),
    Column("icebreaker", Text),
    Column("subject_line", Text),
    Column("raw_data", JSONB),
    timestamp("scraped_at", default_now=True),
    # When a record of the place last came, changed or not, to the day; null before this was kept.
    Column("last_seen_at", DateTime(timezone=True), server_default=text("now()")),
    # When the email or its verdict last changed; null before this was kept.
    Column("email_chosen_at", DateTime(timezone=True), server_default=text("now()")),
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
    one_of("business_status", BUSINESS_STATUSES),
    within("latitude", -90, 90),
    within("longitude", -180, 180),
    *not_negative("reviews_count", "enrichment_attempts"),
    *finite_not_negative("rating", "bouncer_score"),
    # By rows instead of by a fifth of the table. Every page of a queue skips what was worked off,
    # entry by entry, until it is vacuumed; the planner knows an import once it is analysed.
    postgresql_with={
        "autovacuum_vacuum_scale_factor": 0,
        "autovacuum_vacuum_threshold": 10_000,
        "autovacuum_analyze_scale_factor": 0,
        "autovacuum_analyze_threshold": 10_000,
    },
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
Index(
    "idx_businesses_cid",
    businesses.c.cid,
    postgresql_where=text("cid is not null"),
)
# The businesses of a phone: what they have in common is the end of the number (`phone_end`).
Index(
    "idx_businesses_phone",
    text(r"right(regexp_replace(phone, '(ext|x|#|;)\.?\s*\d{1,6}\s*$|\(0\)|\D', '', 'gi'), 10)"),
    _table=businesses,
    postgresql_where=text("phone is not null"),
)
# The queues, in the order in which they are worked off.
for _kind, _position, _condition in (
    ("facebook", "queue_position", "needs_enrichment and enrichment_status = 'pending'"),
    ("linkedin", "queue_position", "not linkedin_enriched"),
    (
        "verification",
        "verification_position",
        "email is not null and coalesce(bouncer_status, 'unknown') = 'unknown'",
    ),
):
    Index(
        f"idx_businesses_queue_{_kind}",
        businesses.c.campaign_id,
        businesses.c[_position],
        businesses.c.id,
        postgresql_where=text(
            f"{_condition} and coalesce(business_status, 'operational') = 'operational'"
        ),
    )
# The leads in the order in which they are read: those that nearly everybody asks for, and all.
Index(
    "idx_businesses_safe_leads",
    businesses.c.campaign_id,
    businesses.c.created_at,
    businesses.c.id,
    postgresql_where=text(
        "email is not null and is_safe and coalesce(business_status, 'operational') = 'operational'"
    ),
)
Index(
    "idx_businesses_leads",
    businesses.c.campaign_id,
    businesses.c.created_at,
    businesses.c.id,
)
