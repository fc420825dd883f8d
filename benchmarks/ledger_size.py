"""A ledger that grows, and what becomes of adding to it, reconciling it, and archiving a month.

Three years of costs, in the order in which they were incurred, as the ledger is and as a copy that
is partitioned by month. From its figures docs/scaling.md tells when partitions pay.
"""

from __future__ import annotations

import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal

from sqlalchemy import Connection, Engine, text

from benchmarks.database import BenchDatabase, database_beside
from benchmarks.figures import Figure, median
from benchmarks.run import Bench
from campaigndb.operations.reconciliation import reconcile

NAME = "ledger_size"
CALLS = 200
ADDED = 10_000
COST = Decimal("0.0025")
_MEGABYTE = 1024 * 1024

_FILL = text("""
    insert into gmaps_api_costs (
      id, campaign_id, service, items_processed, cost_usd, metadata, running_total, incurred_at
    )
    select
      ('00000000-0000-7000-8000-' || lpad(to_hex(entry), 12, '0'))::uuid,
      (cast(:campaigns as uuid[]))[1 + entry % :number], 'facebook', 1, 0.0025,
      jsonb_build_object('idempotency_key', md5(entry::text)::uuid),
      0, timestamptz '2020-01-01' + entry * interval '3 years' / :total
    from generate_series(cast(:first as bigint), cast(:last as bigint)) as entry
""")
_PARTITIONED = (
    "create table by_month (like gmaps_api_costs including defaults including constraints)"
    " partition by range (incurred_at)",
    "alter table by_month add primary key (id, incurred_at)",
    "create index on by_month (campaign_id)",
    # A key can be unique within a partition only, so the month has to be a part of it.
    "create unique index on by_month (campaign_id, (metadata ->> 'idempotency_key'), incurred_at)",
    """
    do $$
    begin
      for month in 0..36 loop
        execute format(
          'create table by_month_%s partition of by_month for values from (%L) to (%L)', month,
          timestamptz '2020-01-01' + month * interval '1 month',
          timestamptz '2020-01-01' + (month + 1) * interval '1 month'
        );
      end loop;
    end
    $$
    """,
)
_ADD = """
    insert into {table} (campaign_id, service, items_processed, cost_usd, metadata, incurred_at)
    select (cast(:campaigns as uuid[]))[1 + entry % :number], 'facebook', 1, 0.0025,
      jsonb_build_object('idempotency_key', gen_random_uuid()),
      timestamptz '2022-12-15' + entry * interval '1 second'
    from generate_series(1, cast(:added as int)) as entry
"""


def measure(bench: Bench) -> Iterator[Figure]:
    sizes: tuple[int, ...] = (1_000, 2_000) if bench.quick else (100_000, 1_000_000)
    if bench.large:
        sizes = (*sizes, 10_000_000)
    found: dict[str, dict[int, tuple[float, bool]]] = {}
    for size in sizes:
        with database_beside(bench.database) as database:
            bench.tell(f"{NAME}: {size:,} costs")
            for what, value, is_time in _measure(database, size, bench):
                found.setdefault(what, {})[size] = value, is_time
    for what, values in found.items():
        first = next(iter(values))
        for size, (value, is_time) in values.items():
            yield Figure(
                name=NAME,
                variant=f"{what}, {size:,} costs",
                n=1,
                clients=1,
                baseline=f"{what}, {first:,} costs",
                ratio=value / values[first][0],
                calls=1,
                median_ms=value if is_time else None,
                megabytes=None if is_time else value,
            )


def _measure(database: BenchDatabase, size: int, bench: Bench) -> Iterator[tuple[str, float, bool]]:
    campaigns = [database.new_campaign() for _ in range(bench.size(1_000, 10))]
    # A thousandth of the filling at a time would be as in life; at once it is the same rows.
    given = {"campaigns": campaigns, "number": len(campaigns)}
    with database.owner_engine.begin() as connection:
        connection.execute(_FILL, {**given, "total": size, "first": 0, "last": size - 1})
    database.vacuum()

    calls = bench.size(CALLS, 5)
    yield "track a cost", _each(database, campaigns, calls), True
    yield "reconcile", _milliseconds(lambda: reconcile(database.owner_engine)), True
    table, indexes = _sizes(database, "gmaps_api_costs")
    yield "the table", table, False
    yield "its indexes", indexes, False

    owner = database.owner_engine
    yield f"add {ADDED:,}", _undone(owner, _ADD.format(table="gmaps_api_costs"), given), True
    # As archiving does: what goes is a month, and the index entries stay for VACUUM.
    month = "delete from {} where incurred_at < timestamptz '2020-02-01'"
    yield "delete a month", _undone(owner, month.format("gmaps_api_costs"), {}), True

    with owner.begin() as connection:
        for statement in _PARTITIONED:
            connection.execute(text(statement))
        # Without what was tracked just now, long after those years.
        connection.execute(
            text(
                "insert into by_month"
                " select * from gmaps_api_costs where incurred_at < timestamptz '2023-01-01'"
            )
        )
        # Afterwards, as it is checked in one statement then.
        connection.execute(
            text("alter table by_month add foreign key (campaign_id) references gmaps_campaigns")
        )
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum (analyze) by_month"))
    yield f"partitioned: add {ADDED:,}", _undone(owner, _ADD.format(table="by_month"), given), True
    by_campaign = "select campaign_id, service, sum(cost_usd) from {} group by 1, 2"
    yield "sums", _undone(owner, by_campaign.format("gmaps_api_costs"), {}), True
    yield "partitioned: sums", _undone(owner, by_campaign.format("by_month"), {}), True
    one_campaign = (
        "select count(*), sum(cost_usd) from {} where campaign_id = (cast(:campaigns as uuid[]))[1]"
        " and cast(:number as int) > 0"
    )
    yield "one campaign", _undone(owner, one_campaign.format("gmaps_api_costs"), given), True
    yield "partitioned: one campaign", _undone(owner, one_campaign.format("by_month"), given), True
    yield (
        "partitioned: detach a month",
        _undone(owner, "alter table by_month detach partition by_month_0", {}),
        True,
    )


def _each(database: BenchDatabase, campaigns: list[uuid.UUID], calls: int) -> float:
    """The median call, on campaigns all over the ledger."""
    return median(
        [
            _milliseconds(
                lambda: database.store.track_campaign_cost(
                    campaigns[number % len(campaigns)],  # noqa: B023 - called at once
                    "facebook",
                    1,
                    COST,
                )
            )
            for number in range(calls)
        ]
    )


def _undone(engine: Engine, statement: str, values: dict[str, object], rounds: int = 3) -> float:
    """The median of some runs, none of which is committed."""

    def once(connection: Connection) -> float:
        transaction = connection.begin()
        given = {name: value for name, value in values.items() if f":{name}" in statement}
        if ":added" in statement:
            given["added"] = ADDED
        elapsed = _milliseconds(lambda: connection.execute(text(statement), given))
        transaction.rollback()
        return elapsed

    with engine.connect() as connection:
        return statistics.median(once(connection) for _ in range(rounds))


def _sizes(database: BenchDatabase, table: str) -> tuple[float, float]:
    [(of_table, of_indexes)] = database.query(
        "select pg_table_size(%(table)s::regclass), pg_indexes_size(%(table)s::regclass)",
        {"table": table},
    )
    return of_table / _MEGABYTE, of_indexes / _MEGABYTE


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000
