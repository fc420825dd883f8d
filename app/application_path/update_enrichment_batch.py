"""A batch of enrichments: locks in order, one multi-row upsert, and the businesses they are of."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import (
    ARRAY,
    UUID,
    Connection,
    RowMapping,
    Text,
    any_,
    bindparam,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from app.application_path import checks
from app.application_path.checks import refuse
from app.application_path.emails import (
    NO_RANK,
    SOURCE_RANKS,
    is_another_email,
    verification_unless,
)
from app.application_path.enrichment_types import ENRICHMENT_TYPES, EnrichmentType
from app.application_path.json_values import as_text, json_text, jsonb_parameter
from app.application_path.upserts import known_lists, known_values
from app.json_codec import load_json
from app.tables import businesses, campaigns

_SHOWN_OF_BUSINESS_ID = 100


def update_enrichment_batch(
    connection: Connection, enrichment_type: str | None, enrichments: str
) -> dict[str, Any]:
    type_ = None if enrichment_type is None else ENRICHMENT_TYPES.get(enrichment_type)
    if type_ is None:
        refuse(f"p_enrichment_type is not one of {', '.join(ENRICHMENT_TYPES)}")
    items = load_json(enrichments)
    if not isinstance(items, list):
        refuse("p_enrichments is not a JSON array")

    locked = _lock_businesses(connection, items)
    latest: dict[uuid.UUID, Mapping[str, Any]] = {}
    failures = []
    for index, item in enumerate(items):
        problem = type_.problem(item)
        if problem is None and uuid.UUID(item["business_id"]) not in locked:
            problem = "there is no such business"
        if problem is None:
            # Of several items for one business the last wins.
            latest[uuid.UUID(item["business_id"])] = item
        else:
            failures.append({"index": index, "business_id": _shown_id(item), "reason": problem})

    rows = [
        {
            **type_.row(latest[business_id]),
            "business_id": business_id,
            "campaign_id": business["campaign_id"],
            "raw_data_json": json_text(latest[business_id]),
        }
        for business_id, business in locked.items()  # still in the order of place_id
        if business_id in latest
    ]
    if rows:
        # An item with the idempotency key of the current row was applied before: it writes nothing
        # and counts as no further attempt.
        stored = set(connection.execute(_UPSERTS[type_.name], rows).scalars())
        changes = [
            _change(type_, locked[row["business_id"]], row, latest[row["business_id"]])
            for row in rows
            if row["business_id"] in stored
        ]
        if changes:
            connection.execute(_UPDATE_BUSINESS, changes)
    return {
        "success": True,
        "updated": len(latest),
        "failed": len(failures),
        "superseded": len(items) - len(failures) - len(latest),
        "enrichment_type": type_.name,
        "failures": failures,
    }


def _lock_businesses(connection: Connection, items: Iterable[Any]) -> dict[uuid.UUID, RowMapping]:
    """The businesses that exist, each as its last writer left it.

    Locked in the order of place_id, so overlapping batches wait instead of deadlocking; and after
    their campaigns, or a campaign that is being deleted would wait for them while they wait for it.
    """
    ids = {
        uuid.UUID(item["business_id"])
        for item in items
        if isinstance(item, dict)
        and item.get("business_id") is not None
        and checks.uuid_text(item["business_id"]) is None
    }
    if not ids:
        return {}
    business = businesses.c
    is_given = business.id == any_(bindparam("ids", list(ids), type_=ARRAY(UUID)))
    # The lock that the foreign key takes anyway.
    connection.execute(
        select(campaigns.c.id)
        .where(campaigns.c.id.in_(select(business.campaign_id).where(is_given)))
        .order_by(campaigns.c.id)
        .with_for_update(read=True, key_share=True)
    )
    locked = connection.execute(
        select(
            business.id,
            business.campaign_id,
            business.email,
            business.email_source,
            business.facebook_url,
            business.linkedin_url,
            business.enrichment_status,
            business.needs_enrichment,
            business.linkedin_enriched,
        )
        .where(is_given)
        .order_by(business.place_id)
        .with_for_update(key_share=True)
    )
    return {row["id"]: row for row in locked.mappings()}


def _shown_id(item: Any) -> Any:
    # Not what is no id anyway: it can be as large and as deep as a whole document.
    value = item.get("business_id") if isinstance(item, dict) else None
    if value is None or isinstance(value, (bool, list, dict)):
        return None
    written = as_text(value) or ""
    return value if len(written) <= _SHOWN_OF_BUSINESS_ID else None


def _change(
    type_: EnrichmentType,
    business: RowMapping,
    enrichment: Mapping[str, Any],
    item: Mapping[str, Any],
) -> dict[str, Any]:
    """What an enrichment makes of its business, whose row is locked."""
    email, succeeded = enrichment["primary_email"], enrichment["success"]
    replaces_email = email is not None and SOURCE_RANKS[type_.name] >= SOURCE_RANKS.get(
        business["email_source"], NO_RANK
    )
    change = {
        "of_business": business["id"],
        "email": email if replaces_email else business["email"],
        "email_source": type_.name if replaces_email else business["email_source"],
        # Whether it is another one is for the server to say, whose lower() it is.
        "offered_email": email if replaces_email else None,
        "facebook_url": business["facebook_url"],
        "linkedin_url": business["linkedin_url"],
        "enrichment_status": business["enrichment_status"],
        "needs_enrichment": business["needs_enrichment"],
        "linkedin_enriched": business["linkedin_enriched"],
    }
    if enrichment[type_.url] is not None:
        change[type_.url] = enrichment[type_.url]
    if type_.name == "linkedin":
        change["linkedin_enriched"] = business["linkedin_enriched"] or succeeded
        return change
    status = item.get("enrichment_status") or ("enriched" if succeeded else "failed")
    # A failed second look does not undo what the first one found.
    if business["enrichment_status"] != "enriched" or succeeded:
        change["enrichment_status"] = status
    if status in ("enriched", "no_facebook"):
        change["needs_enrichment"] = False
    return change


_UPDATE_BUSINESS = (
    update(businesses)
    .where(businesses.c.id == bindparam("of_business"))
    .values(
        {
            **verification_unless(
                businesses,
                is_another_email(businesses.c.email, bindparam("offered_email", type_=Text)),
            ),
            "enrichment_attempts": businesses.c.enrichment_attempts + 1,
            "last_enrichment_attempt": func.now(),
            "updated_at": func.now(),
        }
    )
)


def _upsert(type_: EnrichmentType) -> ReturningInsert[uuid.UUID]:
    statement = insert(type_.table).values(raw_data=jsonb_parameter("raw_data_json"))
    given, current = statement.excluded, type_.table.c
    changes = is_another_email(current.primary_email, given.primary_email)
    given_key = given.raw_data["idempotency_key"].astext
    written = statement.on_conflict_do_update(
        index_elements=[current.business_id],
        set_={
            **known_values(statement, *type_.texts, *type_.words, *type_.counts, "primary_email"),
            **known_lists(statement, *type_.lists),
            **verification_unless(type_.table, changes),
            "success": given.success,
            "error_message": given.error_message,
            "raw_data": given.raw_data,
            **dict.fromkeys(type_.times, func.now()),
        },
        where=or_(
            given_key.is_(None),
            given_key.is_distinct_from(current.raw_data["idempotency_key"].astext),
        ),
    )
    return written.returning(current.business_id)


_UPSERTS = {name: _upsert(type_) for name, type_ in ENRICHMENT_TYPES.items()}
