"""A page of an enrichment queue, beside the same query from the client."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from app.bench.figures import Figure
from app.bench.measurement import FUNCTION, Comparison, Variant
from app.bench.run import Bench
from app.budgets import BUDGETS
from app.tables import businesses

NAME = "get_businesses_for_enrichment"
QUEUE_LENGTH = 100_000
PAGE_SIZE = 100


def measure(bench: Bench) -> Iterator[Figure]:
    database = bench.database
    n = bench.size(QUEUE_LENGTH, 2_000)
    bench.tell(f"{n:,} businesses to page through")
    campaign_id = database.campaign_with_businesses(n)
    business = businesses.c
    query = (
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
        .order_by(business.created_at, business.id)
        .limit(PAGE_SIZE)
    )  # fmt: skip

    def from_the_client(_given: object) -> None:
        with database.owner_engine.begin() as connection:
            connection.execute(query).mappings().all()

    yield from bench.compare(
        Comparison(
            name=NAME,
            n=PAGE_SIZE,
            variants=[
                Variant(
                    FUNCTION,
                    lambda _: database.store.get_businesses_for_enrichment(
                        campaign_id, "facebook", PAGE_SIZE
                    ),
                ),
                Variant("plain SQL", from_the_client),
            ],
            baseline="plain SQL",
            calls=2 if bench.quick else 20,
            discarded=2 if bench.quick else 8,
            budget=BUDGETS[NAME],
        )
    )
