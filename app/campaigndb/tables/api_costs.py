"""`gmaps_api_costs`: the ledger of what outside services cost; rows are only ever added."""

from sqlalchemy import Column, Index, Integer, Numeric, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from campaigndb.tables.metadata import (
    MONEY_SCALE,
    SERVICES,
    belongs_to,
    finite_not_negative,
    metadata,
    not_negative,
    one_of,
    primary_key,
    timestamp,
)

api_costs = Table(
    "gmaps_api_costs",
    metadata,
    primary_key(),
    belongs_to("campaign_id", "gmaps_campaigns"),
    Column("service", Text, nullable=False),
    Column("items_processed", Integer, nullable=False, server_default=text("0")),
    Column("cost_usd", Numeric(10, MONEY_SCALE), nullable=False),
    Column("metadata", JSONB, nullable=False, server_default=text("'{}'")),
    # The campaign's actual cost right after this entry: a repeated call gets the first answer.
    # Null in rows that did not come through track_campaign_cost.
    Column("running_total", Numeric(18, MONEY_SCALE)),
    timestamp("incurred_at", default_now=True),
    timestamp("created_at", default_now=True),
    one_of("service", SERVICES),
    *not_negative("items_processed"),
    *finite_not_negative("cost_usd", "running_total"),
)

Index("idx_api_costs_campaign_id", api_costs.c.campaign_id)
Index(
    "idx_api_costs_idempotency_key",
    api_costs.c.campaign_id,
    text("(metadata ->> 'idempotency_key')"),
    unique=True,
    postgresql_where=text("(metadata ->> 'idempotency_key') is not null"),
)
