"""Indexes of filled tables, built and dropped while writers go on: for revisions of their own.

CREATE INDEX CONCURRENTLY cannot be in a transaction. Such a revision may end half done, so it does
nothing but this, and can be run again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic import op

_IS_INVALID = sa.text("""
    select exists (
      select
      from pg_index as i
      join pg_class as c on c.oid = i.indexrelid
      where c.relnamespace = to_regnamespace(quote_ident(:schema))
        and c.relname = :name
        and not i.indisvalid
    )
""")


def create_index_concurrently(
    name: str, table: str, columns: Sequence[str | sa.TextClause], **options: Any
) -> None:
    """For `upgrade()`: builds an index; `options` are those of `op.create_index`.

    What an interrupted try left is removed: an INVALID index is maintained by every writer and
    used by no reader. A valid one of the name was finished, and is kept.
    """
    with _without_transaction():
        # A script cannot look: there the leftover is dropped whatever it is.
        if op.get_context().as_sql or _is_invalid(name):
            _drop(name, table)
        op.create_index(
            name,
            table,
            columns,
            if_not_exists=True,
            postgresql_concurrently=True,
            **options,
        )


def drop_index_concurrently(name: str, table: str) -> None:
    """For `downgrade()`, and for an index that nobody uses any more."""
    with _without_transaction():
        _drop(name, table)


def _drop(name: str, table: str) -> None:
    op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)


def _is_invalid(name: str) -> bool:
    schema = op.get_context().opts["campaigndb_schema"]
    found = op.get_bind().execute(_IS_INVALID, {"schema": schema, "name": name})
    return bool(found.scalar_one())


@contextmanager
def _without_transaction() -> Iterator[None]:
    # Building waits for every older transaction, and blocks nobody meanwhile: the short limit
    # that keeps a waiting ALTER TABLE from stopping the callers would only make it fail.
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout TO 0")
        try:
            yield
        finally:
            op.execute(f"SET lock_timeout TO {op.get_context().opts['campaigndb_lock_timeout']}")
