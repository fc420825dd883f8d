"""`gmaps_lookups`, `gmaps_queue_heads`: who works on what, what is tried again, what was given up.

A lookup is a paid question about one item: a business, an address or a ZIP code. It has a row from
its first claim until it succeeds. The rows are narrow, so a claim rewrites no wide one.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, Numeric, Table, Text, text
from sqlalchemy.dialects.postgresql import UUID

from campaigndb.tables.metadata import (
    belongs_to,
    finite_not_negative,
    metadata,
    not_blank,
    not_negative,
    one_of,
    timestamp,
)

LOOKUP_KINDS = ("facebook", "linkedin", "verification", "coverage")

lookups = Table(
    "gmaps_lookups",
    metadata,
    # A business, a row of the coverage, or the address's hash: see `email_item`.
    Column("item_id", UUID(as_uuid=True), primary_key=True),
    Column("kind", Text, primary_key=True),
    belongs_to("campaign_id", "gmaps_campaigns"),
    # Of an address: the business whose email it is. No reference: the next claim removes the row.
    Column("business_id", UUID(as_uuid=True)),
    # When it may be claimed: after its lease, or after the wait that follows a failure. Infinity:
    # never, it was given up.
    timestamp("due_at"),
    # Null while nobody holds it.
    timestamp("claimed_at"),
    Column("worker", Text),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("reserved_usd", Numeric, nullable=False, server_default=text("0")),
    Column("failed_reason", Text),
    # The idempotency key of the last failure: told twice, it is one.
    Column("failed_key", Text),
    one_of("kind", LOOKUP_KINDS),
    not_blank("worker"),
    *not_negative("attempts"),
    *finite_not_negative("reserved_usd"),
    # Rows come and go: a claim reads past those that were not vacuumed yet.
    postgresql_with={
        "autovacuum_vacuum_scale_factor": 0,
        "autovacuum_vacuum_threshold": 5_000,
        "autovacuum_analyze_scale_factor": 0,
        "autovacuum_analyze_threshold": 5_000,
    },
)

Index("idx_lookups_campaign_id", lookups.c.campaign_id, lookups.c.kind, lookups.c.due_at)
# What a worker holds.
Index(
    "idx_lookups_worker",
    lookups.c.worker,
    lookups.c.campaign_id,
    postgresql_where=text("worker is not null"),
)
# What a campaign has reserved of its budget.
Index(
    "idx_lookups_reserved",
    lookups.c.campaign_id,
    lookups.c.due_at,
    postgresql_include=["reserved_usd"],
    postgresql_where=text("reserved_usd > 0"),
)

# Where the businesses of a queue begin that nobody has claimed yet: a claim reads from there.
queue_heads = Table(
    "gmaps_queue_heads",
    metadata,
    belongs_to("campaign_id", "gmaps_campaigns", primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("queue_position", BigInteger, nullable=False, server_default=text("0")),
    Column(
        "business_id",
        UUID(as_uuid=True),
        nullable=False,
        server_default=text("'00000000-0000-0000-0000-000000000000'"),
    ),
    # When the queue was last read from its very beginning.
    timestamp("rewound_at", default_now=True),
    one_of("kind", LOOKUP_KINDS),
    # Each claim updates a row of few: room on the page keeps those updates HOT.
    postgresql_with={"fillfactor": 50},
)
