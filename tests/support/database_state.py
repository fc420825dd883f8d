"""What all tables hold, to compare before and after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text

from campaigndb.tables import cost_gates, metadata

_WITH_ROWS = [table for table in metadata.sorted_tables if table not in cost_gates]
# With xmin, a row that was written again with the same values is a difference too. Nothing is
# ever written to a gate; their size says so in a tenth of the time that reading them all takes.
_HASHES = text(
    " union all ".join(
        [
            f"""
            select
              '{table.name}',
              count(*) || ':' || md5(coalesce(string_agg(line, E'\\n' order by line), ''))
            from (select xmin || ' ' || entry::text as line from {table.name} as entry) as lines
            """
            for table in _WITH_ROWS
        ]
        + [
            f"""
            select 'gates', count(*) || ' of ' || sum(pg_relation_size(oid)) || ' bytes'
            from pg_class where oid = any (
              array[{", ".join(f"'{gate.name}'" for gate in cost_gates)}]::regclass[]
            )
            """
        ]
    )
)


def snapshot(engine: Engine) -> dict[str, str]:
    """Each table's number of rows and a hash of every row in it; the gates' common size."""
    with engine.connect() as connection:
        return dict(connection.execute(_HASHES).all())


@contextmanager
def unchanged(engine: Engine) -> Iterator[None]:
    """Fails where a table holds anything else at the end of the block than at its beginning."""
    before = snapshot(engine)
    assert len(before) == len(_WITH_ROWS) + 1
    assert before["gates"] == f"{len(cost_gates)} of 0 bytes"
    yield
    assert snapshot(engine) == before
