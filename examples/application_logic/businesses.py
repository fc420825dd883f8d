"""Businesses: scraped batches in, enrichment queues out."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, and_, any_, func, literal, literal_column, not_, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.types import Text

from campaigndb.calling.json_codec import dump_json
from campaigndb.calling.results import BatchInserted, BusinessForEnrichment, RejectedRecord
from campaigndb.tables import businesses, campaigns
from examples.application_logic.errors import refuse, refuse_missing_campaign
from examples.application_logic.json_columns import json_parameter

# Columns that a record fills. A record that lacks one leaves what is known.
_FILLED = (
    "address",
    "city",
    "state",
    "postal_code",
    "country",
    "latitude",
    "longitude",
    "phone",
    "website",
    "email",
    "email_source",
    "category",
    "description",
    "rating",
    "reviews_count",
    "price_level",
    "facebook_url",
    "linkedin_url",
    "instagram_url",
    "twitter_url",
)


def insert_batch(
    connection: Connection, campaign_id: uuid.UUID | None, zip_code: str | None, records: list[Any]
) -> BatchInserted:
    """Inserts or updates businesses with one upsert; the last record of a place counts."""
    # The lock that the foreign key takes anyway, taken first: the campaign cannot vanish midway.
    lock = select(campaigns.c.id).where(campaigns.c.id == campaign_id)
    if connection.execute(lock.with_for_update(read=True, key_share=True)).first() is None:
        refuse_missing_campaign(campaign_id)
    rows, rejected = _rows(records)
    # Every writer takes the rows in this order, so overlapping batches do not deadlock.
    place_ids = sorted(rows)
    common = {"campaign_id": campaign_id, "zip_code": zip_code}
    written = (
        dict(connection.execute(_UPSERT, [common | rows[id_] for id_ in place_ids]).all())
        if rows
        else {}
    )
    foreign = connection.execute(
        select(func.count())
        .select_from(businesses)
        .where(
            businesses.c.campaign_id != campaign_id,
            businesses.c.place_id == any_(literal(place_ids, ARRAY(Text))),
        )
    ).scalar_one()
    inserted = sum(written.values())
    return BatchInserted(
        inserted=inserted,
        updated=len(written) - inserted,
        skipped=len(records) - len(written),
        total=len(records),
        skipped_other_campaign=foreign,
        rejected=tuple(rejected),
    )


def _rows(records: list[Any]) -> tuple[dict[str, dict[str, Any]], list[RejectedRecord]]:
    """The rows by place_id, and the records that are no place."""
    rows = {}
    rejected = []
    for index, record in enumerate(records):
        if not isinstance(record, dict):
            reason = "not a JSON object"
        elif not (record.get("place_id") or "").strip():
            reason = "no place_id"
        elif not (record.get("name") or "").strip():
            reason = "no name"
        else:
            row = {name: record.get(name) for name in ("place_id", "name", *_FILLED)}
            if row["email_source"] is None and row["email"] is not None:
                row["email_source"] = "google_maps"
            row["categories"] = record.get("categories") or []
            row["needs_enrichment"] = record.get("needs_enrichment", bool(row["facebook_url"]))
            row["enrichment_status"] = "pending" if row["needs_enrichment"] else "no_facebook"
            row["raw_data_json"] = dump_json(record.get("raw_data") or record, "p_businesses")
            rows[record["place_id"]] = row
            continue
        rejected.append(RejectedRecord(index=index, reason=reason))
    return rows, rejected


def _upsert() -> Any:
    statement = insert(businesses).values(raw_data=json_parameter("raw_data_json"))
    given, known = statement.excluded, businesses.c
    # An email that is known stays, with its source and its verdict.
    kept = {name: func.coalesce(known[name], given[name]) for name in ("email", "email_source")}
    return statement.on_conflict_do_update(
        index_elements=["place_id"],
        set_={
            **{name: func.coalesce(given[name], known[name]) for name in _FILLED},
            **kept,
            "name": given.name,
            "raw_data": given.raw_data,
            "scraped_at": func.now(),
            "updated_at": func.now(),
        },
        where=and_(
            known.campaign_id == given.campaign_id,
            known.raw_data.is_distinct_from(given.raw_data),
        ),
        # A row that was just inserted was never updated: it has no xmax.
    ).returning(known.place_id, (literal_column("xmax::text") == "0").label("is_new"))


_UPSERT = _upsert()

_QUEUES = {
    "facebook": and_(businesses.c.needs_enrichment, businesses.c.enrichment_status == "pending"),
    "linkedin": not_(businesses.c.linkedin_enriched),
}
_QUEUE_COLUMNS = (
    businesses.c.id.label("business_id"),
    *[
        businesses.c[name]
        for name in BusinessForEnrichment.__dataclass_fields__
        if name != "business_id"
    ],
)


def read_queue(
    connection: Connection,
    campaign_id: uuid.UUID | None,
    enrichment_type: str,
    limit: int,
    offset: int,
) -> tuple[BusinessForEnrichment, ...]:
    """One page of an enrichment queue, oldest first."""
    if enrichment_type not in _QUEUES:
        refuse(f"p_enrichment_type is not one of {', '.join(_QUEUES)}")
    if limit < 1:
        refuse("p_limit is less than 1")
    rows = connection.execute(
        select(*_QUEUE_COLUMNS)
        .where(businesses.c.campaign_id == campaign_id, _QUEUES[enrichment_type])
        .order_by(businesses.c.created_at, businesses.c.id)
        .limit(limit)
        .offset(offset)
    ).mappings()
    found = tuple(BusinessForEnrichment(**row) for row in rows)
    if (
        not found
        and not connection.execute(
            select(campaigns.c.id).where(campaigns.c.id == campaign_id)
        ).first()
    ):
        refuse_missing_campaign(campaign_id)
    return found
