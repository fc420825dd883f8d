"""Creates indexes and fills data in large tables while writers work, in separate revisions.

CREATE INDEX CONCURRENTLY cannot run in a transaction. Such a revision may end half done, so it does
nothing else, and can be repeated. In a transaction of the caller the index is created normally,
because nobody else sees the transaction before its end.
"""

from __future__ import annotations

import re
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

_WITHOUT_LIMIT = """
select
  set_config('campaigndb.statement_timeout', current_setting('statement_timeout'), false),
  set_config('statement_timeout', '0', false)
"""
_WITH_LIMIT = (
    "select set_config('statement_timeout', current_setting('campaigndb.statement_timeout'), false)"
)


def create_index_concurrently(
    name: str, table: str, columns: Sequence[str | sa.TextClause], **options: Any
) -> None:
    """For `upgrade()`: creates an index; `options` are those of `op.create_index`.

    The INVALID index of an interrupted attempt is dropped: writers maintain it, but no query uses
    it. A valid index of this name is kept.
    """
    with _without_transaction():
        # A script cannot check, so it always drops a leftover. A new schema has none.
        if _may_leave_transaction() if op.get_context().as_sql else _is_invalid(name):
            _drop(name, table)
        op.create_index(
            name,
            table,
            columns,
            if_not_exists=True,
            postgresql_concurrently=_may_leave_transaction(),
            **options,
        )


def fill_in_pieces(block: str) -> None:
    """For data in a large table: runs a DO block that ends each piece with `commit;`.

    Each piece holds its locks only briefly. In a transaction, such as the migration of an empty
    database, the block runs without its commits.
    """
    statement = block.replace(":", r"\:")
    if not _may_leave_transaction():
        op.execute(re.sub(r"\bcommit;", "", statement))
        return
    with op.get_context().autocommit_block():
        # A statement's time limit does not suit this one, which processes a whole table.
        op.execute(_WITHOUT_LIMIT)
        op.execute(statement)
        op.execute(_WITH_LIMIT)


def drop_index_concurrently(name: str, table: str) -> None:
    """For `downgrade()`, and for an index that is no longer used."""
    with _without_transaction():
        _drop(name, table)


def _drop(name: str, table: str) -> None:
    op.drop_index(
        name, table_name=table, if_exists=True, postgresql_concurrently=_may_leave_transaction()
    )


def _may_leave_transaction() -> bool:
    return not op.get_context().opts.get("campaigndb_in_transaction", False)


def _is_invalid(name: str) -> bool:
    schema = op.get_context().opts["campaigndb_schema"]
    found = op.get_bind().execute(_IS_INVALID, {"schema": schema, "name": name})
    return bool(found.scalar_one())


@contextmanager
def _without_transaction() -> Iterator[None]:
    if not _may_leave_transaction():
        yield
        return
    # Creating the index waits for all older transactions, but blocks nobody. The short limit, which
    # keeps a waiting ALTER TABLE from blocking the callers, would only make it fail.
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout TO 0")
        try:
            yield
        finally:
            op.execute(f"SET lock_timeout TO {op.get_context().opts['campaigndb_lock_timeout']}")
