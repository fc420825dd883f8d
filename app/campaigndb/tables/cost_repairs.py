"""`gmaps_cost_repairs`: what a reconciliation changed in the totals, one row for each total."""

from sqlalchemy import Column, Index, Numeric, Table, Text, text

from campaigndb.tables.metadata import MONEY_SCALE, belongs_to, metadata, primary_key, timestamp

cost_repairs = Table(
    "gmaps_cost_repairs",
    metadata,
    primary_key(),
    belongs_to("campaign_id", "gmaps_campaigns"),
    # The column of gmaps_campaigns that was wrong. Unconstrained amounts: the wrong one may be NaN.
    Column("total", Text, nullable=False),
    Column("amount_before", Numeric, nullable=False),
    Column("amount_after", Numeric(18, MONEY_SCALE), nullable=False),
    # The session's: `current_user` may be an owner that several people act as.
    Column("repaired_by", Text, nullable=False, server_default=text("session_user")),
    timestamp("repaired_at", default_now=True),
)

Index("idx_cost_repairs_campaign_id", cost_repairs.c.campaign_id)
