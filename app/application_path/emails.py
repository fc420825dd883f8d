"""Which email a business keeps, and what becomes of the verification of the one before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, case, func, not_

# An email from a better source is never replaced by one from a worse source.
SOURCE_RANKS = {"linkedin": 3, "facebook": 2, "google_maps": 1}
NO_RANK = 0

_VERIFICATION = (
    "bouncer_status",
    "bouncer_score",
    "is_safe",
    "is_disposable",
    "is_role_based",
    "is_free_email",
    "bouncer_verified_at",
)


def replaced_email(
    table: Table, email: ColumnElement[Any], source: ColumnElement[Any]
) -> Mapping[str, ColumnElement[Any]]:
    """A business's columns once it is offered an email from a source."""
    replaces = and_(email.is_not(None), _rank(source) >= _rank(table.c.email_source))
    return {
        "email": case((replaces, email), else_=table.c.email),
        "email_source": case((replaces, source), else_=table.c.email_source),
        **verification_unless(table, and_(replaces, is_another_email(table.c.email, email))),
    }


def is_another_email(known: ColumnElement[Any], offered: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether an offered email voids what was verified of the known one.

    Addresses are compared without regard to case, as the verification finds them.
    """
    return and_(offered.is_not(None), func.lower(known).is_distinct_from(func.lower(offered)))


def verification_unless(
    table: Table, changes: ColumnElement[bool]
) -> Mapping[str, ColumnElement[Any]]:
    """The verification's columns: another email makes what was verified of the old one void."""
    kept = not_(changes)
    return {
        "email_verified": and_(table.c.email_verified, kept),
        **{name: case((kept, table.c[name])) for name in _VERIFICATION},
    }


def _rank(source: ColumnElement[Any]) -> ColumnElement[int]:
    return case(SOURCE_RANKS, value=source, else_=NO_RANK)
