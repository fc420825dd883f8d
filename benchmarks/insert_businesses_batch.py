"""Inserting scraped records, beside COPY, SQLAlchemy Core's multi-row upsert, the
application code, and row by row.

Two clocks. `prepared`, which is meant where nothing else is said, has everything ready in memory,
COPY's rows in its own format and the function's records as JSON, and so is the server's work
alone: this is what the limit is for. `from records` begins with the scraper's records as Python
has them and includes what each way makes of them; COPY sends its first rows while Python makes
the next. Both end with COMMIT.

COPY cannot update: where the places are known already it goes through a temporary table ("COPY and
merge"). Plain COPY of as many new places is shown beside it, as the limit of what writing costs.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import func, select

from benchmarks.business_rows import (
    CopyRows,
    canonical_record,
    copy_and_merge,
    copy_records,
    copy_text,
    copy_with_addresses,
    row_of,
    stored_rows,
    upsert_many,
    upsert_records,
    upsert_row_by_row,
)
from benchmarks.database import BenchDatabase, database_beside
from benchmarks.figures import Figure, Target
from benchmarks.indexes import without_each_index
from benchmarks.measurement import FUNCTION, Comparison, Often, Variant, in_case
from benchmarks.memory import Memory, measure_memory
from benchmarks.run import Bench
from benchmarks.scraped_records import canonical_records, records_of, scraped_records
from campaigndb.calling.catalogue import BUDGETS
from campaigndb.tables import businesses

NAME = "insert_businesses_batch"
BUDGET_RECORDS = 50
# The most that a batch of so many may take, as a multiple of COPY's time for as many new rows.
COPY_RECORDS = 1_000
LARGEST_BATCH = 10_000
COPY_LIMITS = {COPY_RECORDS: Decimal("1.1"), LARGEST_BATCH: Decimal("1.5")}
UNCHANGED_LIMIT = Decimal("0.8")
# Of COPY and merge, for the largest batch half of which changed.
HALF_CHANGED_LIMIT = 1.2
MERGE = "COPY and merge"
# Records of 1,000 places, by source; the first of Apify's are those of all other figures.
SOURCES: dict[str, tuple[Decimal, Callable[[int], list[dict[str, Any]]]]] = {
    "canonical": (COPY_LIMITS[COPY_RECORDS], canonical_records),
    **{
        source: (Decimal("1.6"), partial(records_of, source))
        for source in (
            "apify",
            "apify csv",
            "gosom",
            "outscraper",
            "serpapi",
            "serper",
            "places new",
            "titled table",
        )
    },
}
# How many times faster than SQLAlchemy Core's upsert, the faster of its ways, both from records.
CORE_SPEEDUP = 2.5
CORE_UPSERT, CORE_MANY = "Core upsert", "Core executemany"
FROM_RECORDS = "from records"
ZIP_CODE = "00100"

Records = list[dict[str, Any]]


def measure(bench: Bench) -> Iterator[Figure]:
    # What is already there: an empty table would make every way look faster than it is.
    present = bench.size(100_000, 2_000)
    bench.tell(f"{present:,} businesses that are already there")
    bench.database.campaign_with_businesses(present)
    # Enough for the foreign key's check to use the index, as it does in production.
    bench.database.new_campaigns(bench.size(1_000, 10))
    bench.database.vacuum()
    with database_beside(bench.database) as beside:
        yield from _measure(bench, beside)


def _measure(bench: Bench, beside: BenchDatabase) -> Iterator[Figure]:
    """`beside` makes the rows that COPY writes: it leaves nothing where they are measured."""
    sizes = (
        (BUDGET_RECORDS, bench.size(10, 1)),
        (bench.size(COPY_RECORDS, 200), bench.size(30, 1)),
        (bench.size(LARGEST_BATCH, 0), 1),
    )
    for n, calls in sizes:
        if n:
            yield from _first_time(bench, beside, n, calls)
            yield from _again(bench, beside, n, calls, "unchanged", _same)
            yield from _again(bench, beside, n, calls, "half changed", _half_changed)
    for source, (limit, records) in SOURCES.items():
        n, calls = bench.size(COPY_RECORDS, 50), bench.size(5, 1)
        yield from _of_source(
            bench, beside, n, calls, source, records, limit if n == COPY_RECORDS else None
        )
    yield from without_each_index(
        bench,
        NAME,
        bench.size(COPY_RECORDS, 200),
        businesses,
        lambda connection, n: connection.execute(
            "select insert_businesses_batch(%s, %s, %s::jsonb)",
            [bench.database.new_campaign(), ZIP_CODE, _as_json(scraped_records(n))],
        ),
    )


def _of_source(
    bench: Bench,
    beside: BenchDatabase,
    n: int,
    calls: int,
    source: str,
    records: Callable[[int], Records],
    limit: Decimal | None,
) -> Iterator[Figure]:
    """New places: the function, given a source's records, beside COPY of the rows it makes."""
    database = bench.database
    campaign_id = database.new_campaign()

    def tidy() -> None:
        database.delete_businesses(campaign_id)
        database.vacuum()

    yield from bench.compare(
        Comparison(
            name=NAME,
            n=n,
            case=source,
            variants=[
                Variant(
                    FUNCTION,
                    lambda text: _call(database, campaign_id, text),
                    prepare=lambda: _as_json(records(n)),
                ),
                Variant(
                    "COPY",
                    lambda rows: copy_with_addresses(database.owner, rows),
                    prepare=lambda: _as_rows(beside, campaign_id, records(n)),
                ),
            ],
            baseline="COPY",
            calls=calls,
            # A connection keeps its plans from the sixth call on.
            discarded=6 if n <= COPY_RECORDS else 0,
            tidy=tidy,
            ratio_limit=limit,
        )
    )
    tidy()


def _first_time(bench: Bench, beside: BenchDatabase, n: int, calls: int) -> Iterator[Figure]:
    yield from _of_source(bench, beside, n, calls, "", scraped_records, COPY_LIMITS.get(n))
    database = bench.database
    campaign_id = database.new_campaign()

    def tidy() -> None:
        database.delete_businesses(campaign_id)
        database.vacuum()

    discarded = 6 if n <= COPY_RECORDS else 0
    from_records = Comparison(
        name=NAME,
        n=n,
        case=FROM_RECORDS,
        variants=_from_records(database, campaign_id, n),
        baseline="COPY",
        calls=min(calls, 10),
        discarded=discarded,
        tidy=tidy,
        budget=BUDGETS[NAME] if n == BUDGET_RECORDS else None,
    )
    figures = list(bench.compare(from_records))
    if n == COPY_RECORDS:
        figures = [beside_core(figure, figures) for figure in figures]
    if n == LARGEST_BATCH:
        memory = _memory(database, campaign_id, n)
        figures = [replace(figure, memory=memory.get(figure.variant)) for figure in figures]
    yield from figures
    tidy()


def _memory(database: BenchDatabase, campaign_id: uuid.UUID, n: int) -> dict[str, Memory | None]:
    """What a batch takes, each way on a connection that is new."""
    records = scraped_records(n)

    def of_function() -> Memory | None:
        database.app_engine.dispose()
        with database.app_engine.connect() as connection:
            pid = connection.execute(select(func.pg_backend_pid())).scalar_one()
        return measure_memory(
            pid, lambda: database.store.insert_businesses_batch(campaign_id, ZIP_CODE, records)
        )

    def of_copy() -> Memory | None:
        with database.address.owner_connection() as connection:
            return measure_memory(
                connection.info.backend_pid,
                lambda: copy_records(connection, records, campaign_id, ZIP_CODE),
            )

    found = {}
    for variant, measured in ((FUNCTION, of_function), ("COPY", of_copy)):
        database.delete_businesses(campaign_id)
        found[in_case(variant, FROM_RECORDS)] = measured()
    return found


def _from_records(database: BenchDatabase, campaign_id: uuid.UUID, n: int) -> list[Variant]:
    slow = _how_often_slow(n)
    ways: dict[str, tuple[Callable[[Records], object], Often]] = {
        FUNCTION: (
            lambda records: database.store.insert_businesses_batch(campaign_id, ZIP_CODE, records),
            Often.EACH_CALL,
        ),
        "COPY": (
            lambda records: copy_records(database.owner, records, campaign_id, ZIP_CODE),
            Often.EACH_CALL,
        ),
        CORE_UPSERT: (lambda records: _upsert(database, campaign_id, records), slow),
        CORE_MANY: (
            lambda records: _upsert_many(database, campaign_id, records),
            # It is judged by: as often as the function.
            Often.EACH_CALL if n <= COPY_RECORDS else Often.EACH_ROUND,
        ),
        "application code": (
            lambda records: _application_code(database, campaign_id, records),
            slow,
        ),
        "row by row": (lambda records: _row_by_row(database, campaign_id, records), slow),
    }
    return [
        Variant(name, run, prepare=lambda: scraped_records(n), often=often)
        for name, (run, often) in ways.items()
    ]


def _how_often_slow(n: int) -> Often:
    """What takes seconds for the largest batch is measured once there."""
    return Often.EACH_ROUND if n <= COPY_RECORDS else Often.ONCE


def beside_core(figure: Figure, figures: list[Figure]) -> Figure:
    """The function's figure held to its multiple of Core's speed: the faster way of Core's."""
    core = min(
        each.median_ms
        for each in figures
        if each.variant.startswith((CORE_UPSERT, CORE_MANY)) and each.median_ms
    )
    if not figure.variant.startswith(FUNCTION) or not figure.median_ms:
        return figure
    times = core / figure.median_ms
    target = Target(
        f"{times:.2f} times as fast as Core's faster upsert (at least {CORE_SPEEDUP})",
        times >= CORE_SPEEDUP,
    )
    return replace(figure, targets=(*figure.targets, target))


def beside_merge(figure: Figure, figures: list[Figure]) -> Figure:
    """The function's figure held to its multiple of the time of COPY and merge."""
    merge = next(each.median_ms for each in figures if each.variant.startswith(MERGE))
    if not figure.variant.startswith(FUNCTION) or not figure.median_ms or not merge:
        return figure
    times = figure.median_ms / merge
    target = Target(
        f"{times:.2f} x COPY and merge (at most {HALF_CHANGED_LIMIT})", times <= HALF_CHANGED_LIMIT
    )
    return replace(figure, targets=(*figure.targets, target))


def _again(
    bench: Bench,
    beside: BenchDatabase,
    n: int,
    calls: int,
    case: str,
    change: Callable[[Records], Records],
) -> Iterator[Figure]:
    """Places that are known already, each variant with its own."""
    database = bench.database
    campaign_id = database.new_campaign()
    slow_ways: dict[str, Callable[[Records], object]] = {
        CORE_UPSERT: lambda given: _upsert(database, campaign_id, given),
        CORE_MANY: lambda given: _upsert_many(database, campaign_id, given),
        "application code": lambda given: _application_code(database, campaign_id, given),
        "row by row": lambda given: _row_by_row(database, campaign_id, given),
    }
    records = {name: scraped_records(n) for name in (FUNCTION, MERGE, *slow_ways)}
    for own in records.values():
        database.store.insert_businesses_batch(campaign_id, ZIP_CODE, own)

    def next_records(variant: str) -> Records:
        records[variant] = change(records[variant])
        return records[variant]

    new_places = database.new_campaign()

    def tidy() -> None:
        database.delete_businesses(new_places)
        database.vacuum()

    variants = [
        Variant(
            FUNCTION,
            lambda text: _call(database, campaign_id, text),
            prepare=lambda: _as_json(next_records(FUNCTION)),
        ),
        Variant(
            "COPY of new places",
            lambda rows: copy_with_addresses(database.owner, rows),
            prepare=lambda: _as_rows(beside, new_places, scraped_records(n)),
        ),
        Variant(
            MERGE,
            lambda data: copy_and_merge(database.owner, data),
            prepare=lambda: _as_copy(database, campaign_id, next_records(MERGE)),
        ),
        *(
            Variant(name, run, prepare=partial(next_records, name), often=_how_often_slow(n))
            for name, run in slow_ways.items()
        ),
    ]
    figures = list(
        bench.compare(
            Comparison(
                name=NAME,
                n=n,
                case=case,
                variants=variants,
                baseline="COPY of new places",
                calls=min(calls, 5),
                discarded=6 if n <= COPY_RECORDS else 0,
                tidy=tidy,
                ratio_limit=UNCHANGED_LIMIT if case == "unchanged" and n in COPY_LIMITS else None,
            )
        )
    )
    if case == "half changed" and n == LARGEST_BATCH:
        figures = [beside_merge(figure, figures) for figure in figures]
    yield from figures
    tidy()
    database.delete_businesses(campaign_id)


def _same(records: Records) -> Records:
    return records


def _half_changed(records: Records) -> Records:
    """Every other place has another review."""
    return [
        {**record, "reviewsCount": record.get("reviewsCount", 0) + 1} if number % 2 else record
        for number, record in enumerate(records)
    ]


def _as_json(records: Records) -> str:
    return json.dumps(records, ensure_ascii=False)


def _as_copy(database: BenchDatabase, campaign_id: uuid.UUID, records: Records) -> bytes:
    rows = (row_of(record, campaign_id, ZIP_CODE) for record in records)
    return copy_text(rows, database.owner)


def _as_rows(beside: BenchDatabase, campaign_id: uuid.UUID, records: Records) -> CopyRows:
    """The rows of both tables that the function makes of the records."""
    beside.store.create_campaign_with_coverage({"id": str(campaign_id), "name": "Benchmark"})
    beside.store.insert_businesses_batch(campaign_id, ZIP_CODE, records)
    rows = stored_rows(beside.owner, records)
    beside.delete_businesses(campaign_id)
    return rows


def _call(database: BenchDatabase, campaign_id: uuid.UUID, text: str) -> None:
    (succeeded,) = database.app.execute(
        "select insert_businesses_batch(%s, %s, %s::jsonb) -> 'success'",
        [campaign_id, ZIP_CODE, text],
    ).fetchone() or (False,)
    database.app.commit()
    assert succeeded is True


def _upsert(database: BenchDatabase, campaign_id: uuid.UUID, records: Records) -> None:
    with database.owner_engine.begin() as connection:
        upsert_records(connection, records, campaign_id, ZIP_CODE)


def _application_code(database: BenchDatabase, campaign_id: uuid.UUID, records: Records) -> None:
    rows = [canonical_record(record, campaign_id, ZIP_CODE) for record in records]
    database.application.insert_businesses_batch(campaign_id, ZIP_CODE, rows)


def _upsert_many(database: BenchDatabase, campaign_id: uuid.UUID, records: Records) -> None:
    with database.owner_engine.begin() as connection:
        upsert_many(connection, records, campaign_id, ZIP_CODE)


def _row_by_row(database: BenchDatabase, campaign_id: uuid.UUID, records: Records) -> None:
    with database.owner_engine.begin() as connection:
        upsert_row_by_row(connection, records, campaign_id, ZIP_CODE)
