"""What all tables hold, to compare before and after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text

from app.tables import metadata

# With xmin, a row that was written again with the same values is a difference too.
_HASHES = text(
    " union all ".join(
        f"""
        select
          '{table.name}',
          count(*) || ':' || md5(coalesce(string_agg(line, E'\\n' order by line), ''))
        from (select xmin || ' ' || entry::text as line from {table.name} as entry) as lines
        """
        for table in metadata.sorted_tables
    )
)


def snapshot(engine: Engine) -> dict[str, str]:
    """Each table's number of rows and a hash of every row in it."""
    with engine.connect() as connection:
        return dict(connection.execute(_HASHES).all())


@contextmanager
def unchanged(engine: Engine) -> Iterator[None]:
    """Fails where a table holds anything else at the end of the block than at its beginning."""
    before = snapshot(engine)
    assert len(before) == len(metadata.tables)
    yield
    assert snapshot(engine) == before
