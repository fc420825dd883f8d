"""A queue's pages as the iterator reads them, beside pages by offset: does depth cost?"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from decimal import Decimal

from benchmarks.database import BenchDatabase
from benchmarks.figures import Figure, with_growth
from benchmarks.get_businesses_for_enrichment import (
    LONGEST,
    PAGE_SIZE,
    QUEUE_LENGTHS,
    pages,
    queue_lengths,
)
from benchmarks.measurement import FUNCTION, Comparison, Variant
from benchmarks.run import Bench
from campaigndb.calling.arguments import prepare
from campaigndb.calling.catalogue import BUDGETS, GET_BUSINESSES_FOR_ENRICHMENT_AFTER
from campaigndb.calling.execution import execute
from campaigndb.calling.results import Position
from campaigndb.calling.transactions import run_in_transaction

NAME = "get_businesses_for_enrichment_after"
# How much more than the first page the last one of a million may cost.
LAST_PAGE_LIMIT = Decimal("1.2")


def measure(bench: Bench) -> Iterator[Figure]:
    figures: list[Figure] = []
    for length in queue_lengths(bench):
        bench.tell(f"{length:,} businesses to page through")
        campaign_id = bench.database.campaign_with_businesses(length)
        for page, offset in pages(length).items():
            is_deep = offset >= QUEUE_LENGTHS[1]
            figures += bench.compare(
                Comparison(
                    name=NAME,
                    n=length,
                    case=page,
                    variants=_variants(bench.database, campaign_id, offset),
                    baseline="offset",
                    calls=1 if is_deep or bench.quick else 10,
                    discarded=1 if is_deep else 2,
                    budget=BUDGETS[NAME],
                )
            )
        figures += bench.compare(_beside_first_page(bench, campaign_id, length))
    yield from with_growth(figures)


def _beside_first_page(bench: Bench, campaign_id: uuid.UUID, length: int) -> Comparison:
    """The iterator's last page, in turn with its first: an offset would read all in between."""
    database = bench.database
    last = _position(database, campaign_id, length - PAGE_SIZE)
    return Comparison(
        name=NAME,
        n=length,
        case="pages in turn",
        variants=[
            Variant(FUNCTION, lambda _: _page_after(database, campaign_id, last)),
            Variant("first page", lambda _: _page_after(database, campaign_id, None)),
        ],
        baseline="first page",
        calls=2 if bench.quick else 20,
        discarded=2,
        ratio_limit=LAST_PAGE_LIMIT if length == LONGEST else None,
    )


def _variants(database: BenchDatabase, campaign_id: uuid.UUID, offset: int) -> list[Variant]:
    position = _position(database, campaign_id, offset)
    return [
        Variant(FUNCTION, lambda _: _page_after(database, campaign_id, position)),
        Variant(
            "offset",
            lambda _: database.store.get_businesses_for_enrichment(
                campaign_id, "facebook", PAGE_SIZE, offset
            ),
        ),
    ]


def _position(database: BenchDatabase, campaign_id: uuid.UUID, offset: int) -> Position | None:
    """Where the iterator stands after `offset` businesses."""
    if offset == 0:
        return None
    ((created_at, business_id),) = database.query(
        "select created_at, id from gmaps_businesses where campaign_id = %(campaign_id)s "
        "order by queue_position, id limit 1 offset %(offset)s",
        {"campaign_id": campaign_id, "offset": offset - 1},
    )
    return created_at, business_id


def _page_after(database: BenchDatabase, campaign_id: uuid.UUID, position: Position | None) -> None:
    """One step of the iterator."""
    created_at, business_id = position or (None, None)
    call = prepare(
        GET_BUSINESSES_FOR_ENRICHMENT_AFTER,
        [campaign_id, "facebook", created_at, business_id, PAGE_SIZE],
        uuid.uuid4(),
    )
    page = run_in_transaction(
        database.app_engine,
        lambda connection: execute(connection, call, database.address.schema),
        isolation_level=call.function.isolation_level,
        read_only=True,
        policy=database.store.policy(call.function.name),
    )
    assert len(page.businesses) == PAGE_SIZE
