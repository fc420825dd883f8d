"""The metadata all tables share, its naming convention, and the column kinds of the contract."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Integer,
    MetaData,
    Numeric,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import UUID

# Tables carry no schema: the search path decides, so the same metadata serves any schema.
metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "idx_%(table_name)s_%(column_0_N_name)s",
    }
)

# The ledger's scale. A total with fewer decimals would round and so disagree with its ledger.
MONEY_SCALE = 4

SERVICES = ("google_maps", "facebook", "linkedin", "bouncer")
CAMPAIGN_STATUSES = ("draft", "running", "paused", "completed", "failed")
COVERAGE_PROFILES = ("aggressive", "balanced", "budget", "custom")
EMAIL_SOURCES = ("google_maps", "facebook", "linkedin", "not_found")
ENRICHMENT_STATUSES = ("pending", "enriched", "failed", "no_facebook")
LINKEDIN_PROFILE_TYPES = ("company", "personal")
LINKEDIN_EMAIL_SOURCES = ("linkedin_direct", "generated", "pattern_match")


def primary_key() -> Column[Any]:
    return Column(
        "id",
        UUID(as_uuid=True),
        primary_key=True,
        server_default=text("gen_random_uuid()"),
    )


def timestamp(name: str, *, default_now: bool = False) -> Column[Any]:
    """A point in time; one that defaults to now is never null."""
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
    return Column(name, Integer, nullable=False, server_default=text("0"))


def flag(name: str, *, default: bool = False) -> Column[Any]:
    return Column(name, Boolean, nullable=False, server_default=text(str(default).lower()))


def text_list(name: str) -> Column[Any]:
    return Column(name, ARRAY(Text), nullable=False, server_default=text("'{}'"))


def verification_columns() -> list[Column[Any]]:
    """What the verifier said of the row's email; null until it was asked."""
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
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} in ({listed})", name=column)


def not_blank(column: str) -> CheckConstraint:
    return CheckConstraint(f"btrim({column}) <> ''", name=f"{column}_not_blank")


def not_negative(*columns: str) -> list[CheckConstraint]:
    return [CheckConstraint(f"{column} >= 0", name=f"{column}_range") for column in columns]


def finite_not_negative(*columns: str) -> list[CheckConstraint]:
    """For `numeric`: NaN sorts above every number, so an upper bound is what excludes it."""
    return [
        CheckConstraint(f"{column} >= 0 and {column} < 'Infinity'", name=f"{column}_range")
        for column in columns
    ]


def none_negative(name: str, *columns: str) -> CheckConstraint:
    """One check of several columns, for a row that is written all the time.

    PostgreSQL reads a table's checks anew in every statement that writes to it. Nulls pass.
    """
    return CheckConstraint(f"least({', '.join(columns)}) >= 0", name=f"{name}_range")


def all_finite_not_negative(name: str, *columns: str) -> CheckConstraint:
    """`finite_not_negative` as one check of several columns, for the reason of `none_negative`."""
    listed = ", ".join(columns)
    return CheckConstraint(
        f"least({listed}) >= 0 and greatest({listed}) < 'Infinity'", name=f"{name}_range"
    )


def within(column: str, low: int, high: int) -> CheckConstraint:
    return CheckConstraint(f"{column} between {low} and {high}", name=f"{column}_range")
