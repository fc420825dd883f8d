"""Every statement of every function under every state of the statistics that misleads the planner.

The same calls on the same rows of one large campaign, in databases that differ only in what ANALYZE
has seen: nothing, empty tables, many small campaigns, or all of it; with plans for the very
parameters and with plans for any. Each way has to be within twice the best one of its call.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

import psycopg

from benchmarks.database import database_beside
from benchmarks.figures import Figure, Target
from benchmarks.measurement import Comparison, Variant
from benchmarks.run import Bench
from campaigndb.calling.catalogue import FUNCTIONS

NAME = "planner_statistics"
SIZE = 3_000  # of the large campaign, at the least
BATCH = 20
SMALL_CAMPAIGNS = 300
LARGE = uuid.UUID(int=1)
PLAN_MODES = ("force_custom_plan", "force_generic_plan")
LIMIT = 2

LOAD = """
with campaign as (insert into gmaps_campaigns (id, name) values (%(id)s, 'x')),
coverage as (
  insert into gmaps_campaign_coverage (campaign_id, zip_code)
  select %(id)s, n::text from generate_series(1, %(size)s) as n
),
costs as (
  insert into gmaps_api_costs (
    campaign_id, service, items_processed, cost_usd, running_total, metadata
  )
  select %(id)s, 'bouncer', 1, 1, 1, jsonb_build_object('idempotency_key', n::text)
  from generate_series(1, %(size)s) as n
),
business as (
  insert into gmaps_businesses (
    id, campaign_id, zip_code, place_id, name, email, email_source, raw_data
  )
  select
    md5(place)::uuid, %(id)s, '1', place, 'Shop', place || '@b.fi', 'google_maps',
    jsonb_build_object('place_id', place, 'name', 'Shop', 'email', place || '@b.fi')
  from (select %(id)s::text || '-' || n from generate_series(1, %(size)s) as n) as places(place)
),
facebook as (
  insert into gmaps_facebook_enrichments (business_id, campaign_id, success)
  select md5(%(id)s::text || '-' || n)::uuid, %(id)s, true from generate_series(1, %(size)s) as n
)
insert into gmaps_email_verifications (business_id, email, source, status, raw_response)
select
  md5(%(id)s::text || '-' || n)::uuid, %(id)s::text || '-' || n || '@b.fi', 'google_maps',
  'deliverable', '{}'
from generate_series(1, %(size)s) as n
"""
PLACES = [f"{LARGE}-{number}" for number in range(1, BATCH + 1)]
RECORDS = [{"place_id": place, "name": "Shop", "email": f"{place}@b.fi"} for place in PLACES]
EXPORTED = {
    "business_id": str(uuid.UUID(int=7)),
    "bouncer_status": "deliverable",
    "bouncer_verified_at": "2026-01-31T09:00:00+00:00",
    "person_name": "Aino Virtanen",
    "page_name": "Shop",
    "icebreaker": "Hello",
    "changed_at": "2026-01-31T09:00:00+00:00",
}
COSTS = [
    {
        "campaign_id": str(LARGE),
        "service": "bouncer",
        "items_processed": 1,
        "cost_usd": "1",
        "metadata": {"idempotency_key": str(number)},
    }
    for number in range(1, BATCH + 1)
]
BUSINESS = "md5(%(place)s)::uuid"


def business_id(place: str) -> str:
    """`load` gives a place this id."""
    return str(uuid.UUID(hashlib.md5(place.encode(), usedforsecurity=False).hexdigest()))


# Name -> the call, what of its parameters, and how many rows it needs.
Call = tuple[str, dict[str, Any], int]
CALLED: dict[str, Call] = {
    "track_campaign_cost, sent again": (
        "select track_campaign_cost(%(id)s, 'bouncer', 1, 1, %(metadata)s)",
        {"metadata": {"idempotency_key": "77"}},
        1,
    ),
    "track_campaign_cost, new": (
        "select track_campaign_cost(%(id)s, 'bouncer', 1, 1, %(metadata)s)",
        {"metadata": {"idempotency_key": "new"}},
        1,
    ),
    "track_campaign_costs_batch, sent again": (
        "select track_campaign_costs_batch(%(costs)s)",
        {"costs": COSTS},
        BATCH,
    ),
    "track_campaign_costs_batch, one known": (
        "select track_campaign_costs_batch(%(costs)s)",
        {
            "costs": [
                *COSTS[:1],
                *(
                    {**cost, "metadata": {"idempotency_key": f"new {number}"}}
                    for number, cost in enumerate(COSTS)
                ),
            ]
        },
        BATCH,
    ),
    "update_coverage_status": (
        "select update_coverage_status(%(id)s, '77', 1, 1, 1)",
        {},
        1,
    ),
    "update_campaign_statistics": ("select update_campaign_statistics(%(id)s)", {}, SIZE // 4),
    "create_campaign_with_coverage": (
        "select create_campaign_with_coverage(%(campaign)s, %(zip_codes)s)",
        {"campaign": {"name": "x"}, "zip_codes": [str(number) for number in range(BATCH)]},
        BATCH,
    ),
    "get_businesses_for_enrichment, facebook": (
        "select count(*) from get_businesses_for_enrichment(%(id)s, 'facebook', %(limit)s)",
        {"limit": BATCH},
        BATCH,
    ),
    "get_businesses_for_enrichment, linkedin": (
        "select count(*) from get_businesses_for_enrichment(%(id)s, 'linkedin', %(limit)s)",
        {"limit": BATCH},
        BATCH,
    ),
    "get_businesses_for_enrichment_after, facebook": (
        "select count(*) from get_businesses_for_enrichment_after("
        "%(id)s, 'facebook', null, null, %(limit)s)",
        {"limit": BATCH},
        BATCH,
    ),
    "get_businesses_for_enrichment_after, linkedin": (
        "select count(*) from get_businesses_for_enrichment_after("
        "%(id)s, 'linkedin', null, null, %(limit)s)",
        {"limit": BATCH},
        BATCH,
    ),
    "insert_businesses_batch, unchanged": (
        "select insert_businesses_batch(%(id)s, '1', %(records)s)",
        {"records": RECORDS},
        BATCH,
    ),
    "insert_businesses_batch, changed": (
        "select insert_businesses_batch(%(id)s, '1', %(records)s)",
        {"records": [record | {"city": "Helsinki"} for record in RECORDS]},
        BATCH,
    ),
    "insert_businesses_batch, new": (
        "select insert_businesses_batch(%(id)s, '1', %(records)s)",
        {"records": [record | {"place_id": f"new {n}"} for n, record in enumerate(RECORDS)]},
        BATCH,
    ),
    "insert_businesses_batch, exported": (
        "select insert_businesses_batch(%(id)s, '1', %(records)s)",
        {"records": [record | EXPORTED for record in RECORDS]},
        # The business, its enrichments, its addresses, and the address elsewhere, read four times.
        20 * BATCH,
    ),
    "update_enrichment_batch, facebook": (
        "select update_enrichment_batch('facebook', %(items)s)",
        {
            "items": [
                {"business_id": business_id(place), "emails": [f"{place}@b.fi"]} for place in PLACES
            ]
        },
        # The business, its enrichment, its addresses, and the address elsewhere.
        5 * BATCH,
    ),
    "update_enrichment_batch, linkedin": (
        "select update_enrichment_batch('linkedin', %(items)s)",
        {
            "items": [
                {"business_id": business_id(place), "emails_found": [f"{place}@b.fi"]}
                for place in PLACES
            ]
        },
        # The business, its enrichment, its addresses, and the address elsewhere.
        5 * BATCH,
    ),
    "update_email_verification": (
        f"select update_email_verification({BUSINESS}, %(place)s || '@b.fi', %(verification)s)",
        {
            "place": PLACES[0],
            "verification": {"status": "deliverable", "idempotency_key": "x"},
        },
        10,
    ),
    "update_email_verifications_batch": (
        "select update_email_verifications_batch(%(items)s)",
        {
            "items": [
                {"business_id": business_id(place), "email": f"{place}@b.fi", "status": "risky"}
                for place in PLACES
            ]
        },
        # The business, its addresses, its enrichments, its lookup; most of them twice.
        15 * BATCH,
    ),
    "get_enrichment_queue_page": (
        "select count(*) from get_enrichment_queue_page(%(id)s, 'linkedin', %(limit)s)",
        {"limit": BATCH},
        BATCH,
    ),
    "claim_businesses_for_enrichment": (
        "select claim_businesses_for_enrichment(%(id)s, 'linkedin', %(limit)s, 'w', 900, 0.01)",
        {"limit": BATCH},
        BATCH,
    ),
    "claim_emails_for_verification": (
        "select claim_emails_for_verification(%(id)s, %(limit)s, 'w', 900, 0.01)",
        {"limit": BATCH},
        # The business, its address and its lookup.
        3 * BATCH,
    ),
    # It reads the campaign's ZIP codes: 10 ms for all of the United States.
    "claim_coverage": (
        "select claim_coverage(%(id)s, %(limit)s, 'w', 900, 0.01)",
        {"limit": BATCH},
        SIZE,
    ),
    "extend_claims": ("select extend_claims(%(id)s, 'w', 900)", {}, 1),
    "release_claims": ("select release_claims(%(id)s, 'w')", {}, 1),
    "retry_failed_lookups": ("select retry_failed_lookups(%(id)s, 'linkedin')", {}, 1),
    "update_campaign_status": ("select update_campaign_status(%(id)s, 'paused')", {}, 1),
    # It sums what claims have reserved.
    "update_campaign_budget": ("select update_campaign_budget(%(id)s, 100)", {}, BATCH),
    # It counts what is unfinished.
    "get_work_status": ("select get_work_status(%(id)s)", {}, SIZE),
    "suppress_contacts": (
        "select suppress_contacts(%(contacts)s)",
        {"contacts": [f"{place}@b.fi" for place in PLACES]},
        10 * BATCH,
    ),
    "unsuppress_contacts": (
        "select unsuppress_contacts(%(contacts)s)",
        {"contacts": [f"{place}@b.fi" for place in PLACES]},
        10 * BATCH,
    ),
    "check_contacts": (
        "select check_contacts(%(contacts)s)",
        {"contacts": [f"{place}@b.fi" for place in PLACES]},
        BATCH,
    ),
    "list_suppressions": ("select count(*) from list_suppressions()", {}, 1),
    # Texts without an index are searched.
    "erase_contact": ("select erase_contact(%(place)s || '@b.fi')", {"place": PLACES[0]}, SIZE),
    "get_contact": ("select get_contact(%(place)s || '@b.fi')", {"place": PLACES[0]}, SIZE),
    # It counts leads, coverage and queues.
    "get_campaign": ("select get_campaign(%(id)s)", {}, SIZE),
    "list_campaigns": ("select count(*) from list_campaigns(%(limit)s)", {"limit": BATCH}, BATCH),
    "get_campaign_leads": (
        'select count(*) from get_campaign_leads(%(id)s, \'{"emails": "any"}\', %(limit)s)',
        {"limit": BATCH},
        BATCH,
    ),
    "set_lead_texts": (
        "select set_lead_texts(%(items)s)",
        {"items": [{"business_id": business_id(place), "icebreaker": "Hello"} for place in PLACES]},
        BATCH,
    ),
    "log_export": (
        "select log_export(%(id)s, gen_random_uuid(), now(), 1, 'csv', null)",
        {},
        1,
    ),
}


def load(connection: psycopg.Connection[Any], campaign_id: uuid.UUID, size: int) -> None:
    """A campaign of so many ZIP codes, costs, and businesses that were enriched and verified."""
    connection.execute(LOAD, {"id": campaign_id, "size": size})


def parameters(given: dict[str, Any]) -> dict[str, Any]:
    """As the driver sends them: JSON as its text."""
    return {"id": LARGE} | {
        name: json.dumps(value) if isinstance(value, (list, dict)) else value
        for name, value in given.items()
    }


def isolate(connection: psycopg.Connection[Any], name: str) -> None:
    """Transactions from now on have the isolation level of that function of `CALLED`."""
    level = FUNCTIONS[name.partition(",")[0]].isolation_level
    connection.isolation_level = psycopg.IsolationLevel[level.replace(" ", "_")]


def nothing_known(connection: psycopg.Connection[Any], size: int) -> None:
    """No statistics."""
    load(connection, LARGE, size)


def known_to_be_empty(connection: psycopg.Connection[Any], size: int) -> None:
    """The statistics of empty tables."""
    connection.execute("analyze")
    load(connection, LARGE, size)


def small_ones_known(connection: psycopg.Connection[Any], size: int) -> None:
    """The large campaign came after the last ANALYZE."""
    for number in range(SMALL_CAMPAIGNS):
        load(connection, uuid.UUID(int=1000 + number), 1)
    connection.execute("analyze")
    load(connection, LARGE, size)


def all_known(connection: psycopg.Connection[Any], size: int) -> None:
    """Many small campaigns beside a large one."""
    small_ones_known(connection, size)
    connection.execute("analyze")


# What the statistics know of the same rows.
STATES: tuple[Callable[[psycopg.Connection[Any], int], None], ...] = (
    nothing_known,
    known_to_be_empty,
    small_ones_known,
    all_known,
)


def without_autovacuum(connection: psycopg.Connection[Any]) -> None:
    """The statistics stay as they are."""
    tables = connection.execute(
        "select format('%I', relname) from pg_class"
        " where relnamespace = current_schema()::regnamespace and relkind = 'r'"
    ).fetchall()
    for (table,) in tables:
        connection.execute(f"alter table {table} set (autovacuum_enabled = off)".encode())


def measure(bench: Bench) -> Iterator[Figure]:
    size = bench.size(100_000, 500)
    with ExitStack() as stack:
        ways: dict[str, psycopg.Connection[Any]] = {}
        for state in STATES:
            bench.tell(f"{size:,} rows, {state.__name__.replace('_', ' ')}")
            database = stack.enter_context(database_beside(bench.database))
            connection = stack.enter_context(database.address.owner_connection(autocommit=True))
            without_autovacuum(connection)
            state(connection, size)
            for mode in PLAN_MODES:
                own = stack.enter_context(database.address.owner_connection(autocommit=True))
                own.execute(f"set plan_cache_mode to {mode}".encode())
                ways[f"{state.__name__}, {mode}".replace("_", " ")] = own
        for name, (statement, given, _) in CALLED.items():
            values = parameters(given)
            for own in ways.values():
                isolate(own, name)
            comparison = Comparison(
                name=NAME,
                n=BATCH,
                case=name,
                variants=[
                    Variant(way, partial(_call, own, statement, values))
                    for way, own in ways.items()
                ],
                baseline=next(iter(ways)),
                calls=bench.size(5, 1),
                # Only then the indexes of what was undone are without dead entries in all of them.
                discarded=2,
            )
            yield from _beside_the_best(list(bench.compare(comparison)))


def _call(
    connection: psycopg.Connection[Any], statement: str, values: dict[str, Any], _given: object
) -> None:
    """One call, which is undone, so that all find the same rows."""
    with connection.transaction(force_rollback=True):
        connection.execute(statement.encode(), values)


def _beside_the_best(figures: list[Figure]) -> Iterator[Figure]:
    best = min(figure.median_ms or 0 for figure in figures)
    for figure in figures:
        times = (figure.median_ms or 0) / best
        target = Target(f"{times:.2f} times the best (at most {LIMIT})", times <= LIMIT)
        yield replace(figure, targets=(target,))
