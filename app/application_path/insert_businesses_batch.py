"""A batch of scraped businesses: one multi-row upsert."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    Connection,
    Text,
    and_,
    any_,
    bindparam,
    column,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from app.application_path.checks import refuse, refuse_missing_campaign
from app.application_path.emails import replaced_email
from app.application_path.json_values import json_text, jsonb_parameter
from app.application_path.scraped_records import read_scraped_business
from app.application_path.scraped_values import scraped_text
from app.application_path.upserts import known_lists, known_values
from app.json_codec import load_json
from app.tables import businesses, campaigns

# What is indexed has to fit into a page of the index.
_LONGEST_PLACE_ID = 1000  # bytes

# An update never replaces a known value by null.
_KEPT_IF_UNKNOWN = (
    "address",
    "city",
    "state",
    "postal_code",
    "country",
    "latitude",
    "longitude",
    "phone",
    "website",
    "category",
    "description",
    "rating",
    "reviews_count",
    "price_level",
    "hours",
    "facebook_url",
    "linkedin_url",
    "instagram_url",
    "twitter_url",
)


def insert_businesses_batch(
    connection: Connection, campaign_id: uuid.UUID | None, zip_code: str | None, businesses: str
) -> dict[str, Any]:
    records = load_json(businesses)
    if not isinstance(records, list):
        refuse("p_businesses is not a JSON array")
    _lock_campaign(connection, campaign_id)

    chosen, rejected = _choose(records)
    # In the order of place_id as the server sorts it, as the functions write them: overlapping
    # batches, whichever way they come, wait for each other instead of deadlocking.
    owners = _owners_in_order(connection, list(chosen))
    attempted = [id_ for id_, owner in owners.items() if owner in (None, campaign_id)]
    ids = _batch_ids()
    common = {"campaign_id": campaign_id, "zip_code": scraped_text(zip_code)}
    rows = [
        {**common, **row, "id": ids(index)}
        for index, row in (chosen[place_id] for place_id in attempted)
    ]
    written = dict(connection.execute(_UPSERT, rows).all()) if rows else {}
    inserted = sum(written.values())
    updated = len(written) - inserted

    foreign = len(owners) - len(attempted)
    if any(owners[place_id] is None and place_id not in written for place_id in attempted):
        # Others have just committed some places that looked new.
        foreign = _count_foreign(connection, campaign_id, list(chosen))
    return {
        "success": True,
        "inserted": inserted,
        "updated": updated,
        "skipped": len(records) - inserted - updated,
        "total": len(records),
        "skipped_other_campaign": foreign,
        "rejected": rejected,
    }


def _lock_campaign(connection: Connection, campaign_id: uuid.UUID | None) -> None:
    # The lock that the foreign key takes anyway, taken first: the campaign cannot vanish midway.
    lock = select(campaigns.c.id).where(campaigns.c.id == campaign_id)
    if connection.execute(lock.with_for_update(read=True, key_share=True)).first() is None:
        refuse_missing_campaign(campaign_id)


def _choose(
    records: list[Any],
) -> tuple[dict[str, tuple[int, dict[str, Any]]], list[dict[str, Any]]]:
    """The rows by place_id, each with its record's index, and the records that are no place.

    The last of several records for one place wins.
    """
    chosen: dict[str, tuple[int, dict[str, Any]]] = {}
    rejected = []
    for index, record in enumerate(records):
        row = read_scraped_business(record) if isinstance(record, dict) else None
        if row is None:
            reason = "not a JSON object"
        elif row["place_id"] is None:
            reason = "no place_id"
        elif len(row["place_id"].encode()) > _LONGEST_PLACE_ID:
            reason = f"place_id is longer than {_LONGEST_PLACE_ID} bytes"
        elif row["name"] is None:
            reason = "no name"
        else:
            hours = row.pop("hours")
            row["hours_json"] = None if hours is None else json_text(hours)
            row["raw_data_json"] = json_text(record)
            chosen[row["place_id"]] = index, row
            continue
        rejected.append({"index": index, "reason": reason})
    return chosen, rejected


def _owners_in_order(connection: Connection, place_ids: list[str]) -> dict[str, uuid.UUID | None]:
    """Each place's campaign, None for an unknown place; in the order of place_id."""
    given = (
        func.unnest(bindparam("place_ids", place_ids, type_=ARRAY(Text)))
        .table_valued(column("place_id", Text), name="given")
        .render_derived()
    )
    return dict(
        connection.execute(
            select(given.c.place_id, businesses.c.campaign_id)
            .select_from(given)
            .join(businesses, businesses.c.place_id == given.c.place_id, isouter=True)
            .order_by(given.c.place_id)
        ).all()
    )


def _count_foreign(
    connection: Connection, campaign_id: uuid.UUID | None, place_ids: list[str]
) -> int:
    return connection.execute(
        select(func.count())
        .select_from(businesses)
        .where(
            businesses.c.campaign_id != campaign_id,
            businesses.c.place_id == any_(bindparam("ids", place_ids, type_=ARRAY(Text))),
        )
    ).scalar_one()


def _batch_ids() -> Callable[[int], uuid.UUID]:
    """Makes ids of version 7 from a record's index: a time, chance, and the index.

    Neighbours in the indexes, and in the order of the batch where a queue is sorted by id.
    """
    head = (time.time_ns() // 1_000_000) << 80 | uuid.uuid4().int & (1 << 80) - (1 << 24)
    head = head & ~(0xF << 76) | 0x7 << 76
    return lambda index: uuid.UUID(int=head + index)


def _upsert() -> ReturningInsert[str, bool]:
    statement = insert(businesses).values(
        hours=jsonb_parameter("hours_json"), raw_data=jsonb_parameter("raw_data_json")
    )
    given = statement.excluded
    table = businesses.c
    written = statement.on_conflict_do_update(
        index_elements=[table.place_id],
        set_={
            # A place found from two ZIPs stays with the first, or overlapping searches move it for
            # ever.
            "zip_code": func.coalesce(table.zip_code, given.zip_code),
            "name": given.name,
            **known_values(statement, *_KEPT_IF_UNKNOWN),
            **known_lists(statement, "categories"),
            **replaced_email(businesses, given.email, given.email_source),
            "raw_data": given.raw_data,
            "scraped_at": func.now(),
            "updated_at": func.now(),
        },
        where=and_(
            table.campaign_id == given.campaign_id,
            or_(
                table.raw_data.is_distinct_from(given.raw_data),
                and_(table.zip_code.is_(None), given.zip_code.is_not(None)),
            ),
        ),
    )
    # A row that no transaction has updated or locked was made by this one.
    return written.returning(table.place_id, literal_column("xmax = 0", Boolean))


_UPSERT = _upsert()
