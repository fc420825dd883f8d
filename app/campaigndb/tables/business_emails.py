"""`gmaps_business_emails`: every usable address of a business, with what was verified of it.

The business itself carries the address that `choose_business_emails` chose.
"""

from sqlalchemy import Boolean, Column, Computed, Index, Numeric, Table, Text, text

from campaigndb.tables.metadata import (
    ADDRESS_SOURCES,
    EMAIL_STATUSES,
    belongs_to,
    finite_not_negative,
    metadata,
    not_blank,
    one_of,
    timestamp,
)

business_emails = Table(
    "gmaps_business_emails",
    metadata,
    belongs_to("business_id", "gmaps_businesses", primary_key=True),
    belongs_to("campaign_id", "gmaps_campaigns"),
    # In the letters in which it was first seen; mail servers do not tell upper from lower case.
    Column("email", Text, nullable=False),
    # A column instead of an index on lower(email): a replica finds rows by the primary key only.
    Column(
        "email_lower",
        Text(collation="C"),
        Computed("lower(email)", persisted=True),
        primary_key=True,
    ),
    Column("source", Text, nullable=False),
    timestamp("first_seen_at", default_now=True),
    timestamp("last_seen_at", default_now=True),
    Column("status", Text),
    Column("score", Numeric),
    Column("is_safe", Boolean),
    Column("is_disposable", Boolean),
    Column("is_role_based", Boolean),
    Column("is_free_email", Boolean),
    Column("is_gibberish", Boolean),
    timestamp("verified_at"),
    not_blank("email"),
    one_of("source", ADDRESS_SOURCES),
    one_of("status", EMAIL_STATUSES),
    *finite_not_negative("score"),
)

Index("idx_business_emails_campaign_id", business_emails.c.campaign_id)
# An address anywhere in the schema; with the time, its newest verdict is the first entry.
Index(
    "idx_business_emails_email_lower",
    business_emails.c.email_lower,
    business_emails.c.verified_at,
)
# The addresses of a domain and of its subdomains, which begin alike when read backwards.
Index("idx_business_emails_domain", text("reverse(email_lower)"), _table=business_emails)
