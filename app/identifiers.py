"""Quoting of names that settings bring into SQL."""

from sqlalchemy.dialects.postgresql.base import PGDialect

_PREPARER = PGDialect().identifier_preparer  # type: ignore[no-untyped-call]


def quote_identifier(name: str) -> str:
    """`name` in double quotes, whatever is in it."""
    return str(_PREPARER.quote_identifier(name))
