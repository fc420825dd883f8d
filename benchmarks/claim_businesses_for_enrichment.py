"""Claiming and finishing a queue in pages, and its first claim at every length.

The plain statement is UPDATE … FOR UPDATE SKIP LOCKED … RETURNING. It keeps the same facts (the
lease, its worker, the attempts) in columns of a table with the businesses' columns and indexes.
Both finish a page in one transaction that stores a row for each result and updates the businesses.
A job of procrastinate's is fetched and finished alone, by its own functions, and stores no result.
"""

from __future__ import annotations

import importlib.util
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, text

from benchmarks.clients import Client, LoadComparison, LoadVariant
from benchmarks.database import Address, BenchDatabase
from benchmarks.figures import Figure, Target
from benchmarks.measurement import FUNCTION, Comparison, Variant
from benchmarks.run import Bench
from campaigndb import CampaignStore
from campaigndb.calling.catalogue import BUDGETS
from campaigndb.cli.failures import CommandFailure

NAME = "claim_businesses_for_enrichment"
PLAIN, PROCRASTINATE = "plain SQL", "procrastinate"
WORKED_OFF = "claimed and finished"
PAGE_SIZE = 100
QUEUE = 100_000
SHORT, LONG = 1_000, 1_000_000
# Each claim of a queue of any length is held to this, beside a claim of the short one.
GROWTH_LIMIT = Decimal("1.3")

SET_UP = """
    drop table if exists bench_enrichments, bench_businesses;
    create table bench_businesses (like gmaps_businesses including all);
    alter table bench_businesses
      add column worker text, add column leased_until timestamptz,
      add column attempts int not null default 0;
    create table bench_enrichments (like gmaps_facebook_enrichments including all);
    alter table bench_enrichments
      add foreign key (business_id) references bench_businesses,
      add foreign key (campaign_id) references gmaps_campaigns;
"""
CLAIM = text(f"""
    update bench_businesses as business
    set worker = :worker, leased_until = now() + interval '15 minutes', attempts = attempts + 1
    where business.id in (
      select queued.id
      from bench_businesses as queued
      where queued.campaign_id = :campaign
        and queued.needs_enrichment
        and queued.enrichment_status = 'pending'
        and coalesce(queued.business_status, 'operational') = 'operational'
        and (queued.leased_until is null or queued.leased_until <= now())
      order by queued.queue_position, queued.id
      limit {PAGE_SIZE}
      for update skip locked
    )
    returning business.id as business_id, business.campaign_id, business.place_id, business.name,
      business.address, business.city, business.state, business.postal_code, business.phone,
      business.website, business.email, business.facebook_url, business.linkedin_url,
      business.enrichment_status, business.enrichment_attempts, business.needs_enrichment
""")  # noqa: S608
STORE = """
    insert into {enrichments} (business_id, campaign_id, page_name, success)
    select id, :campaign, 'Kauppahalli', true from unnest(cast(:ids as uuid[])) as id
"""
FINISH = {
    FUNCTION: """
    with ended as (
      delete from gmaps_lookups where kind = 'facebook' and item_id = any (:ids) returning item_id
    )
    update gmaps_businesses
    set enrichment_status = 'enriched', needs_enrichment = false, updated_at = now()
    where id in (select item_id from ended)
""",
    PLAIN: """
    update bench_businesses
    set enrichment_status = 'enriched', needs_enrichment = false, updated_at = now(),
      worker = null, leased_until = null
    where id = any (:ids)
""",
}
FORGET = (
    "delete from gmaps_lookups where campaign_id = :campaign",
    "delete from gmaps_queue_heads where campaign_id = :campaign",
)
REFILL = (
    *FORGET,
    "delete from {enrichments} where campaign_id = :campaign",
    "update {businesses} set enrichment_status = 'pending', needs_enrichment = true"
    " where campaign_id = :campaign and not needs_enrichment",
)
DO = text("""
    update gmaps_businesses
    set enrichment_status = 'enriched', needs_enrichment = false
    where id in (
      select id from gmaps_businesses
      where campaign_id = :campaign
      order by queue_position, id
      limit :count
    )
""")
HEAD = text(
    "select queue_position, business_id from gmaps_queue_heads where campaign_id = :campaign"
)
BEGIN_AT = text("""
    insert into gmaps_queue_heads (campaign_id, kind, queue_position, business_id)
    values (:campaign, 'facebook', :queue_position, :business_id)
""")
FETCH_JOB = text("select (procrastinate_fetch_job_v2(array['bench'], null)).id")
FINISH_JOB = text("select procrastinate_finish_job_v1(:id, 'succeeded', false)")
JOBS = text("""
    insert into procrastinate_jobs (queue_name, task_name, args)
    select 'bench', 'enrich', jsonb_build_object('business_id', gen_random_uuid())
    from generate_series(1, :count)
""")


def measure(bench: Bench) -> Iterator[Figure]:
    yield from _worked_off(bench)
    yield from _first_claims(bench)


def _worked_off(bench: Bench) -> Iterator[Figure]:
    database = bench.database
    length = bench.size(QUEUE, 5_000)
    bench.tell(f"{length:,} businesses to claim")
    campaign_id = database.campaign_with_businesses(length)
    _copy(database, campaign_id)
    ways: dict[str, Callable[[Address, uuid.UUID], AbstractContextManager[Client]]]
    ways = {FUNCTION: function_client, PLAIN: plain_client}
    procrastinate = importlib.util.find_spec(PROCRASTINATE)
    if procrastinate is None or procrastinate.origin is None:
        bench.tell(f"{PROCRASTINATE} is not installed")
    else:
        schema = Path(procrastinate.origin).parent / "sql" / "schema.sql"
        with database.owner_engine.begin() as connection:
            connection.exec_driver_sql(schema.read_text(encoding="utf-8").replace("%", "%%"))
        ways[PROCRASTINATE] = procrastinate_client
    figures = list(
        bench.compare_under_load(
            LoadComparison(
                name=NAME,
                n=PAGE_SIZE,
                variants=[
                    LoadVariant(
                        name,
                        client,
                        partial(_refilled, database, name, campaign_id, length),
                        partial(_check, database, name),
                        clients,
                        WORKED_OFF,
                    )
                    for clients in ((1, 2) if bench.quick else (1, 4, 16))
                    for name, client in ways.items()
                ],
                baseline=PLAIN,
            )
        )
    )
    yield from figures if bench.quick else map(partial(_judged, figures), figures)


def _judged(figures: list[Figure], figure: Figure) -> Figure:
    """The functions' pages a second, beside those of others with as many clients."""
    if not figure.variant.startswith(FUNCTION):
        return figure
    targets = [Target(f">= 0.9 x {PLAIN}: {figure.ratio:.2f}", figure.ratio >= 0.9)]
    for other in figures:
        if other.variant.startswith(PROCRASTINATE) and other.clients == figure.clients:
            times = figure.ratio / other.ratio
            targets.append(Target(f">= 5 x {PROCRASTINATE}: {times:.1f}", times >= 5))
    return replace(figure, targets=tuple(targets))


def _copy(database: BenchDatabase, campaign_id: uuid.UUID) -> None:
    with database.owner_engine.begin() as connection:
        connection.exec_driver_sql(SET_UP)
        columns = connection.exec_driver_sql(
            "select string_agg(attname, ', ') from pg_attribute"
            " where attrelid = 'gmaps_businesses'::regclass and attnum > 0 and not attisdropped"
            " and attgenerated = ''"
        ).scalar_one()
        connection.execute(
            text(
                f"insert into bench_businesses ({columns})"  # noqa: S608
                f" select {columns} from gmaps_businesses where campaign_id = :campaign"
            ),
            {"campaign": campaign_id},
        )


def _refilled(database: BenchDatabase, way: str, campaign_id: uuid.UUID, length: int) -> uuid.UUID:
    """The campaign with all of its queue before it again."""
    with database.owner_engine.begin() as connection:
        if way == PROCRASTINATE:
            connection.exec_driver_sql("truncate procrastinate_jobs cascade")
            connection.execute(JOBS, {"count": length})
        else:
            for statement in REFILL:
                connection.execute(
                    text(statement.format(**_tables(way))), {"campaign": campaign_id}
                )
    used = {FUNCTION: ["gmaps_lookups", "gmaps_queue_heads"], PROCRASTINATE: ["procrastinate_jobs"]}
    database.vacuum(*used.get(way, []), *([] if way == PROCRASTINATE else _tables(way).values()))
    return campaign_id


def _tables(way: str) -> dict[str, str]:
    prefix = "gmaps" if way == FUNCTION else "bench"
    kind = "facebook_enrichments" if way == FUNCTION else "enrichments"
    return {"businesses": f"{prefix}_businesses", "enrichments": f"{prefix}_{kind}"}


def _check(database: BenchDatabase, way: str, campaign_id: uuid.UUID, calls: int) -> None:
    """Whether each page was handed out once: so many results are there, and no lease is left."""
    if way == PROCRASTINATE:
        ((stored, leased),) = database.query(
            "select count(*) filter (where status = 'succeeded'),"
            " count(*) filter (where status = 'doing') from procrastinate_jobs",
            {},
        )
    else:
        leases = "gmaps_lookups" if way == FUNCTION else "bench_businesses where worker is not null"
        ((stored, leased),) = database.query(
            f"select (select count(*) from {_tables(way)['enrichments']}),"  # noqa: S608
            f" (select count(*) from {leases})",
            {},
        )
    if (stored, leased) != (calls * PAGE_SIZE, 0):
        raise CommandFailure(f"{way}: {calls} pages left {stored} results and {leased} leases")


@contextmanager
def _client(engine: Engine, work: Callable[[], object]) -> Iterator[Client]:
    calls = 0

    def call() -> None:
        nonlocal calls
        calls += 1
        work()

    try:
        yield Client(call, lambda: calls)
    finally:
        engine.dispose()


def function_client(address: Address, campaign_id: uuid.UUID) -> AbstractContextManager[Client]:
    engine, owner = address.app_engine(), address.owner_engine()
    store = CampaignStore(engine, schema=address.schema)
    worker = uuid.uuid4().hex

    def work() -> None:
        claim = store.claim_businesses_for_enrichment(campaign_id, "facebook", PAGE_SIZE, worker)
        ids = [business.business_id for business in claim.businesses]
        with owner.begin() as connection:
            _finish(connection, FUNCTION, campaign_id, ids)

    return _client(engine, work)


def plain_client(address: Address, campaign_id: uuid.UUID) -> AbstractContextManager[Client]:
    engine = address.owner_engine()
    parameters = {"campaign": campaign_id, "worker": uuid.uuid4().hex}

    def work() -> None:
        with engine.begin() as connection:
            ids = [row.business_id for row in connection.execute(CLAIM, parameters)]
        with engine.begin() as connection:
            _finish(connection, PLAIN, campaign_id, ids)

    return _client(engine, work)


def _finish(connection: Connection, way: str, campaign_id: uuid.UUID, ids: list[uuid.UUID]) -> None:
    store = text(STORE.format(**_tables(way)))
    connection.execute(store, {"campaign": campaign_id, "ids": ids})
    connection.execute(text(FINISH[way]), {"ids": ids})


def procrastinate_client(
    address: Address, _campaign_id: uuid.UUID
) -> AbstractContextManager[Client]:
    engine = address.owner_engine(isolation_level="AUTOCOMMIT")

    def work() -> None:
        with engine.connect() as connection:
            for _ in range(PAGE_SIZE):
                job = connection.scalar(FETCH_JOB)
                connection.execute(FINISH_JOB, {"id": job})

    return _client(engine, work)


def _first_claims(bench: Bench) -> Iterator[Figure]:
    """The first claim of a long queue beside a short one's, also after most of it is done."""
    database = bench.database
    length = bench.size(LONG, 5_000)
    bench.tell(f"{length:,} businesses to claim")
    campaign_id = database.campaign_with_businesses(length)
    yield from _first_claim(bench, campaign_id, length, "first claim", None)
    with database.owner_engine.begin() as connection:
        connection.execute(DO, {"campaign": campaign_id, "count": length * 9 // 10})
    # It passes what is done, and the queue begins behind that.
    _claim(database, campaign_id)
    with database.owner_engine.begin() as connection:
        head = connection.execute(HEAD, {"campaign": campaign_id}).one()
    yield from _first_claim(bench, campaign_id, length, "90 % done", head)


def _first_claim(
    bench: Bench, campaign_id: uuid.UUID, length: int, case: str, head: Row[Any] | None
) -> Iterator[Figure]:
    database = bench.database
    short = database.campaign_with_businesses(SHORT)
    baseline = f"a queue of {SHORT:,}"
    yield from bench.compare(
        Comparison(
            name=NAME,
            n=length,
            case=case,
            variants=[
                Variant(
                    FUNCTION,
                    lambda _: _claim(database, campaign_id),
                    partial(_forget, database, campaign_id, head),
                ),
                Variant(
                    baseline, lambda _: _claim(database, short), partial(_forget, database, short)
                ),
            ],
            baseline=baseline,
            calls=1 if bench.quick else 20,
            discarded=5,
            budget=BUDGETS[NAME],
            ratio_limit=GROWTH_LIMIT,
        )
    )


def _claim(database: BenchDatabase, campaign_id: uuid.UUID) -> None:
    claim = database.store.claim_businesses_for_enrichment(campaign_id, "facebook", PAGE_SIZE)
    if len(claim.businesses) != PAGE_SIZE:
        raise CommandFailure(f"a claim of {PAGE_SIZE} got {len(claim.businesses)}")


def _forget(database: BenchDatabase, campaign_id: uuid.UUID, head: Row[Any] | None = None) -> None:
    """Makes the next claim the first one again."""
    with database.owner_engine.begin() as connection:
        for statement in FORGET:
            connection.execute(text(statement), {"campaign": campaign_id})
        if head is not None:
            connection.execute(BEGIN_AT, {"campaign": campaign_id, **head._mapping})
