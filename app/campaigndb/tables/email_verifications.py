"""`gmaps_email_verifications`: the log of every verification, one row for each answer."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Numeric, Table, Text
from sqlalchemy.dialects.postgresql import JSONB, UUID

from campaigndb.tables.metadata import (
    belongs_to,
    finite_not_negative,
    metadata,
    not_blank,
    primary_key,
    timestamp,
)

email_verifications = Table(
    "gmaps_email_verifications",
    metadata,
    primary_key(),
    belongs_to("business_id", "gmaps_businesses"),
    # The log outlives the enrichment that named the email.
    Column(
        "facebook_enrichment_id",
        UUID(as_uuid=True),
        ForeignKey("gmaps_facebook_enrichments.id", ondelete="SET NULL"),
    ),
    Column(
        "linkedin_enrichment_id",
        UUID(as_uuid=True),
        ForeignKey("gmaps_linkedin_enrichments.id", ondelete="SET NULL"),
    ),
    Column("email", Text, nullable=False),
    Column("source", Text),
    Column("status", Text, nullable=False),
    Column("score", Numeric),
    Column("is_safe", Boolean),
    Column("is_disposable", Boolean),
    Column("is_role_based", Boolean),
    Column("is_free_email", Boolean),
    Column("is_gibberish", Boolean),
    Column("domain", Text),
    Column("provider", Text),
    Column("mx_records", JSONB),
    Column("smtp_check", Boolean),
    Column("reason", Text),
    Column("suggestion", Text),
    Column("raw_response", JSONB),
    timestamp("verified_at", default_now=True),
    timestamp("created_at", default_now=True),
    not_blank("email"),
    not_blank("status"),
    *finite_not_negative("score"),
)

for _owner in ("business_id", "facebook_enrichment_id", "linkedin_enrichment_id"):
    Index(f"idx_email_verifications_{_owner}", email_verifications.c[_owner])
