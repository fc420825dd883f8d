"""Quoting of names that settings bring into SQL."""

from functools import lru_cache

from sqlalchemy.dialects.postgresql.base import PGDialect

_PREPARER = PGDialect().identifier_preparer  # type: ignore[no-untyped-call]


# Of a process with many tenants, the names of the latest.
@lru_cache(maxsize=4096)
def quote_identifier(name: str) -> str:
    """`name` in double quotes, whatever is in it."""
    return str(_PREPARER.quote_identifier(name))
