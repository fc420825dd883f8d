"""`gmaps_suppressions`, `gmaps_suppression_gate`, `gmaps_erasures`: who must not be contacted.

A writer of addresses holds the list still from its first lock to its end: see `hold_suppressions`.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    LargeBinary,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from campaigndb.tables.metadata import metadata, not_blank, one_of, primary_key, timestamp

SUPPRESSION_KINDS = ("email", "domain", "phone", "place")

suppressions = Table(
    "gmaps_suppressions",
    metadata,
    Column("kind", Text(collation="C"), primary_key=True),
    # SHA-256 of the value as `suppression_value` gives it: the list names no person.
    Column("value_hash", LargeBinary, primary_key=True),
    # Of a domain and of a place, which are nobody's name.
    Column("value", Text),
    Column("reason", Text),
    # Erased: what brings the address again is stored without it.
    Column("is_erased", Boolean, nullable=False, server_default=text("false")),
    timestamp("created_at", default_now=True),
    one_of("kind", SUPPRESSION_KINDS),
    not_blank("value"),
)

Index(
    "idx_suppressions_erased",
    suppressions.c.value_hash,
    postgresql_where=text("is_erased"),
)

# One row, changed with every change of the list: a transaction above READ COMMITTED, whose snapshot
# may be older than a suppression, locks it and fails with 40001 instead of missing the suppression.
suppression_gate = Table(
    "gmaps_suppression_gate",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("changes", BigInteger, nullable=False, server_default=text("0")),
)

# What was erased, without saying whose it was.
erasures = Table(
    "gmaps_erasures",
    metadata,
    primary_key(),
    timestamp("erased_at", default_now=True),
    # The session's: `current_user` is the functions' owner.
    Column("erased_by", Text, nullable=False, server_default=text("session_user")),
    # Rows that were changed or deleted, by table.
    Column("counts", JSONB, nullable=False, server_default=text("'{}'")),
)
