"""A queue's pages as the iterator reads them, beside pages by offset: does depth cost?"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from decimal import Decimal

from app import calls
from app.bench.database import BenchDatabase
from app.bench.figures import Figure, with_growth
from app.bench.get_businesses_for_enrichment import (
    LONGEST,
    PAGE_SIZE,
    QUEUE_LENGTHS,
    pages,
    queue_lengths,
)
from app.bench.measurement import FUNCTION, Comparison, Variant
from app.bench.run import Bench
from app.budgets import BUDGETS
from app.transactions import run_in_transaction

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


def _position(
    database: BenchDatabase, campaign_id: uuid.UUID, offset: int
) -> calls.Position | None:
    """Where the iterator stands after `offset` businesses."""
    if offset == 0:
        return None
    ((created_at, business_id),) = database.query(
        "select created_at, id from gmaps_businesses where campaign_id = %(campaign_id)s "
        "order by created_at, id limit 1 offset %(offset)s",
        {"campaign_id": campaign_id, "offset": offset - 1},
    )
    return created_at, business_id


def _page_after(
    database: BenchDatabase, campaign_id: uuid.UUID, position: calls.Position | None
) -> None:
    """One step of the iterator."""
    call = calls.get_businesses_for_enrichment_after(campaign_id, "facebook", position, PAGE_SIZE)
    page = run_in_transaction(
        database.app_engine,
        lambda connection: call.execute(connection, database.address.schema),
        isolation_level=call.function.isolation_level,
        read_only=True,
        policy=database.store.policy(call.function.name),
    )
    assert len(page.businesses) == PAGE_SIZE
