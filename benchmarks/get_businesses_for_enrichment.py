"""Pages of enrichment queues of every length by offset, beside the same query from the client."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, select

from benchmarks.database import BenchDatabase
from benchmarks.figures import Figure, with_growth
from benchmarks.measurement import FUNCTION, Comparison, Variant
from benchmarks.run import Bench
from campaigndb.calling.catalogue import BUDGETS
from campaigndb.tables import businesses

NAME = "get_businesses_for_enrichment"
BUDGET_BUSINESSES = 100_000
LONGEST = 1_000_000
QUEUE_LENGTHS = (1_000, BUDGET_BUSINESSES, LONGEST)
PAGE_SIZE = 100


def queue_lengths(bench: Bench) -> tuple[int, ...]:
    return QUEUE_LENGTHS[:1] if bench.quick else QUEUE_LENGTHS


def pages(length: int) -> dict[str, int]:
    """The offsets of the pages that are measured."""
    return {"first page": 0, "middle page": length // 2, "last page": length - PAGE_SIZE}


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
                    baseline="plain SQL",
                    # A page a million rows deep takes a second.
                    calls=1 if is_deep or bench.quick else 10,
                    discarded=1 if is_deep else 2,
                    budget=BUDGETS[NAME] if length <= BUDGET_BUSINESSES else None,
                )
            )
    yield from with_growth(figures)


def _variants(database: BenchDatabase, campaign_id: uuid.UUID, offset: int) -> list[Variant]:
    query = _query(campaign_id, offset)

    def from_the_client(_given: object) -> None:
        with database.owner_engine.begin() as connection:
            connection.execute(query).mappings().all()

    return [
        Variant(
            FUNCTION,
            lambda _: database.store.get_businesses_for_enrichment(
                campaign_id, "facebook", PAGE_SIZE, offset
            ),
        ),
        Variant("plain SQL", from_the_client),
    ]


def _query(campaign_id: uuid.UUID, offset: int) -> Select[Any]:
    business = businesses.c
    return (
        select(
            business.id, business.campaign_id, business.place_id, business.name, business.address,
            business.city, business.state, business.postal_code, business.phone, business.website,
            business.email, business.facebook_url, business.linkedin_url,
            business.enrichment_status, business.enrichment_attempts, business.needs_enrichment,
        )
        .where(
            business.campaign_id == campaign_id,
            business.needs_enrichment,
            business.enrichment_status == "pending",
        )
        .order_by(business.queue_position, business.id)
        .limit(PAGE_SIZE)
        .offset(offset)
    )  # fmt: skip
