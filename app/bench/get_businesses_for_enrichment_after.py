"""A queue's pages as the iterator reads them, beside pages by offset: does depth cost?"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from app import calls
from app.bench.database import BenchDatabase
from app.bench.figures import Figure
from app.bench.get_businesses_for_enrichment import PAGE_SIZE, QUEUE_LENGTH
from app.bench.measurement import FUNCTION, Comparison, Variant
from app.bench.run import Bench
from app.budgets import BUDGETS
from app.transactions import run_in_transaction

NAME = "get_businesses_for_enrichment_after"


def measure(bench: Bench) -> Iterator[Figure]:
    database = bench.database
    n = bench.size(QUEUE_LENGTH, 2_000)
    bench.tell(f"{n:,} businesses to page through")
    campaign_id = database.campaign_with_businesses(n)
    for case, offset in (
        ("first page", 0),
        ("middle page", n // 2),
        ("last page", n - PAGE_SIZE),
    ):
        yield from bench.compare(
            Comparison(
                name=NAME,
                n=PAGE_SIZE,
                case=case,
                variants=_variants(database, campaign_id, offset),
                baseline="offset",
                calls=2 if bench.quick else 5,
                discarded=2,
                budget=BUDGETS[NAME],
            )
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
