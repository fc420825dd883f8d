"""Storing a batch of enrichments, beside the application code, and row by row."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, update
from sqlalchemy.dialects import postgresql

from benchmarks.database import BenchDatabase
from benchmarks.figures import Figure
from benchmarks.measurement import FUNCTION, Comparison, Variant
from benchmarks.run import Bench
from campaigndb.calling.catalogue import BUDGETS
from campaigndb.tables import businesses, facebook_enrichments

NAME = "update_enrichment_batch"
BATCH_SIZE = 50


def measure(bench: Bench) -> Iterator[Figure]:
    database = bench.database
    campaign_id = database.campaign_with_businesses(bench.size(10_000, 500))
    ids = database.query(
        "select id from gmaps_businesses where campaign_id = %(campaign_id)s order by place_id",
        {"campaign_id": campaign_id},
    )
    # Each business once as long as they last: enrichments are new, as in production.
    business_ids = itertools.cycle(business_id for (business_id,) in ids)

    def new_batch() -> list[dict[str, Any]]:
        return [_found(business_id) for business_id in itertools.islice(business_ids, BATCH_SIZE)]

    yield from bench.compare(
        Comparison(
            name=NAME,
            n=BATCH_SIZE,
            variants=[
                Variant(
                    FUNCTION,
                    lambda batch: database.store.update_enrichment_batch("facebook", batch),
                    prepare=new_batch,
                ),
                Variant(
                    "application code",
                    lambda batch: database.application.update_enrichment_batch("facebook", batch),
                    prepare=new_batch,
                ),
                Variant(
                    "row by row",
                    lambda batch: _row_by_row(database, campaign_id, batch),
                    prepare=new_batch,
                ),
            ],
            baseline="row by row",
            calls=1 if bench.quick else 5,
            discarded=1 if bench.quick else 2,
            budget=BUDGETS[NAME],
        )
    )


def _found(business_id: uuid.UUID) -> dict[str, Any]:
    """What Facebook tells of a business."""
    return {
        "business_id": business_id,
        "facebook_url": f"https://facebook.com/{business_id.hex}",
        "page_name": "Ravintola Penélope",
        "page_likes": 1234,
        "page_followers": 1300,
        "emails": [f"{business_id.hex}@example.com"],
        "email_sources": ["about"],
        "phone_numbers": ["+358 10 397 0410"],
        "addresses": ["Mikonkatu 9, Helsinki"],
        "success": True,
    }


def _row_by_row(
    database: BenchDatabase, campaign_id: uuid.UUID, batch: list[dict[str, Any]]
) -> None:
    with database.owner_engine.begin() as connection:
        for item in batch:
            row = {
                **item,
                "campaign_id": campaign_id,
                "primary_email": item["emails"][0],
                "raw_data": item | {"business_id": str(item["business_id"])},
            }
            insert = postgresql.insert(facebook_enrichments).values(row)
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=["business_id"],
                    set_={name: insert.excluded[name] for name in row if name != "business_id"},
                )
            )
            connection.execute(
                update(businesses)
                .where(businesses.c.id == item["business_id"])
                .values(
                    facebook_url=item["facebook_url"],
                    email=row["primary_email"],
                    email_source="facebook",
                    enrichment_status="enriched",
                    needs_enrichment=False,
                    enrichment_attempts=businesses.c.enrichment_attempts + 1,
                    last_enrichment_attempt=func.now(),
                    updated_at=func.now(),
                )
            )
