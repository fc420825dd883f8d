"""`gmaps_exports`: one row for each export of leads; nothing of the leads themselves."""

from sqlalchemy import Column, DateTime, Index, Integer, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from campaigndb.tables.metadata import belongs_to, metadata, not_blank, not_negative, primary_key

exports = Table(
    "gmaps_exports",
    metadata,
    primary_key(),
    belongs_to("campaign_id", "gmaps_campaigns"),
    # When the export began to read: what changed since then is not in it.
    Column("exported_at", DateTime(timezone=True), nullable=False),
    Column("leads", Integer, nullable=False),
    Column("format", Text, nullable=False),
    Column("preset", Text),
    Column("filter", JSONB, nullable=False, server_default=text("'{}'")),
    Column("exported_by", Text, nullable=False, server_default=text("session_user")),
    not_blank("format"),
    *not_negative("leads"),
)

Index("idx_exports_campaign_id", exports.c.campaign_id, exports.c.exported_at)
