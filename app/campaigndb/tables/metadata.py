"""The metadata of all tables, its naming convention, and helpers for columns and checks."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    Numeric,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import UUID

from campaigndb.tables.storage_options import teach_storage_options

teach_storage_options()

# Tables have no schema. The search path decides, so the same metadata works in any schema.
metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "idx_%(table_name)s_%(column_0_N_name)s",
    }
)

# Decimals of the ledger. Totals with fewer decimals would be rounded and differ from the ledger.
MONEY_SCALE = 4

SERVICES = ("google_maps", "facebook", "linkedin", "bouncer")
CAMPAIGN_STATUSES = ("draft", "running", "paused", "completed", "failed")
COVERAGE_PROFILES = ("aggressive", "balanced", "budget", "custom")
EMAIL_SOURCES = ("google_maps", "facebook", "linkedin", "not_found")
# Sources of an address, best first. A business' `email_source` is one of EMAIL_SOURCES.
ADDRESS_SOURCES = ("manual", "linkedin", "facebook", "google_maps", "generated")
EMAIL_STATUSES = ("deliverable", "risky", "undeliverable", "unknown")
ENRICHMENT_STATUSES = ("pending", "enriched", "failed", "no_facebook")
# Records never have the last one: the place or its phone is in gmaps_suppressions.
BUSINESS_STATUSES = ("operational", "closed_temporarily", "closed_permanently", "suppressed")
LINKEDIN_PROFILE_TYPES = ("company", "personal")
LINKEDIN_EMAIL_SOURCES = ("linkedin_direct", "generated", "pattern_match")


def primary_key() -> Column[Any]:
    """The column `id`."""
    return Column(
        "id",
        UUID(as_uuid=True),
        primary_key=True,
        server_default=text("gen_random_uuid()"),
    )


def belongs_to(name: str, table: str, *, primary_key: bool = False) -> Column[Any]:
    """A reference to the row of `table` with which this row is deleted."""
    reference = ForeignKey(f"{table}.id", ondelete="CASCADE")
    return Column(name, UUID(as_uuid=True), reference, primary_key=primary_key, nullable=False)


def timestamp(name: str, *, default_now: bool = False) -> Column[Any]:
    """A point in time. With `default_now` it is never null."""
    return Column(
        name,
        DateTime(timezone=True),
        server_default=text("now()") if default_now else None,
        nullable=not default_now,
    )


def money_total(name: str, *, nullable: bool = False) -> Column[Any]:
    """A sum of money: wide enough for a billion entries of the ledger's largest cost."""
    return Column(
        name,
        Numeric(18, MONEY_SCALE),
        nullable=nullable,
        server_default=None if nullable else text("0"),
    )


def counter(name: str) -> Column[Any]:
    """A whole number that starts at 0."""
    return Column(name, Integer, nullable=False, server_default=text("0"))


def flag(name: str, *, default: bool = False) -> Column[Any]:
    """A boolean column that is never null."""
    return Column(name, Boolean, nullable=False, server_default=text(str(default).lower()))


def text_list(name: str) -> Column[Any]:
    """A list of texts, empty at first."""
    return Column(name, ARRAY(Text), nullable=False, server_default=text("'{}'"))


def verification_columns() -> list[Column[Any]]:
    """The verifier's verdict on the row's email; null before the verification."""
    return [
        flag("email_verified"),
        Column("bouncer_status", Text),
        Column("bouncer_score", Numeric),
        Column("is_safe", Boolean),
        Column("is_disposable", Boolean),
        Column("is_role_based", Boolean),
        Column("is_free_email", Boolean),
        timestamp("bouncer_verified_at"),
    ]


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    """A check that the column has one of these values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} in ({listed})", name=column)


def not_blank(column: str) -> CheckConstraint:
    """A check that the text is more than white space."""
    return CheckConstraint(f"btrim({column}) <> ''", name=f"{column}_not_blank")


def not_negative(*columns: str) -> list[CheckConstraint]:
    """A check of each column that it is 0 or more."""
    return [CheckConstraint(f"{column} >= 0", name=f"{column}_range") for column in columns]


def finite_not_negative(*columns: str) -> list[CheckConstraint]:
    """The same for `numeric`. The upper bound excludes NaN, which sorts above all numbers."""
    return [
        CheckConstraint(f"{column} >= 0 and {column} < 'Infinity'", name=f"{column}_range")
        for column in columns
    ]


def none_negative(name: str, *columns: str) -> CheckConstraint:
    """One check for several columns of a table that is written all the time.

    PostgreSQL parses a table's checks again for every statement that writes to it. Nulls pass.
    """
    return CheckConstraint(f"least({', '.join(columns)}) >= 0", name=f"{name}_range")


def all_finite_not_negative(name: str, *columns: str) -> CheckConstraint:
    """`finite_not_negative` as one check for several columns, as in `none_negative`."""
    listed = ", ".join(columns)
    return CheckConstraint(
        f"least({listed}) >= 0 and greatest({listed}) < 'Infinity'", name=f"{name}_range"
    )


def within(column: str, low: int, high: int) -> CheckConstraint:
    """A check that the column is between the two, both included."""
    return CheckConstraint(f"{column} between {low} and {high}", name=f"{column}_range")
