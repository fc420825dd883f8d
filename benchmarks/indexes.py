"""What each index of a table costs those who insert: the same call with all of them but one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Table

from benchmarks.figures import Figure
from benchmarks.measurement import FUNCTION, Comparison, Variant
from benchmarks.run import Bench

CASE = "rolled back"
# Holds nothing. It is dropped where no other index is, as dropping one makes plans anew.
_NOTHING = "idx_bench_nothing"


def without_each_index(
    bench: Bench,
    name: str,
    n: int,
    table: Table,
    call: Callable[[psycopg.Connection[Any], int], object],
) -> Iterator[Figure]:
    """The call in a transaction that dropped one of the table's indexes and is rolled back.

    Those that keep something unique stay: without them the call would not be the same.
    """
    connection = bench.database.address.owner_connection()
    with connection:
        create = sql.SQL("create index {} on {} ((1)) where false")
        connection.execute(create.format(sql.Identifier(_NOTHING), sql.Identifier(table.name)))
        connection.commit()

        def variant(label: str, index: str) -> Variant:
            def drop() -> None:
                connection.execute(sql.SQL("drop index {}").format(sql.Identifier(index)))

            def run(_given: object) -> None:
                call(connection, n)
                connection.rollback()

            return Variant(label, run, prepare=drop)

        indexes = sorted(str(index.name) for index in table.indexes if not index.unique)
        yield from bench.compare(
            Comparison(
                name=name,
                n=n,
                case=CASE,
                variants=[
                    variant(FUNCTION, _NOTHING),
                    *(variant(f"without {index}", index) for index in indexes),
                ],
                baseline=FUNCTION,
                calls=1 if bench.quick else 6,
                tidy=bench.database.vacuum,
            )
        )
        connection.execute(sql.SQL("drop index {}").format(sql.Identifier(_NOTHING)))
