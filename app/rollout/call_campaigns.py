"""Which campaigns a call is for: what it says itself, or whose the businesses are that it names."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, Connection, Uuid, any_, bindparam, select

from app import calls
from app.calls import Call
from app.errors import InvalidInputError
from app.json_codec import load_json
from app.tables import businesses


def campaigns_named(call: Call[Any]) -> frozenset[uuid.UUID]:
    """The campaigns that the call itself names."""
    if call.gated_campaigns:
        return call.gated_campaigns
    if call.function is calls.CREATE_CAMPAIGN_WITH_COVERAGE:
        data = _read(call, "p_campaign_data")
        return _uuids([data.get("id")] if isinstance(data, dict) else [])
    return _uuids([call.values.get("p_campaign_id")])


def businesses_named(call: Call[Any]) -> frozenset[uuid.UUID]:
    """The businesses that a call names where it names no campaign."""
    if call.function is calls.UPDATE_EMAIL_VERIFICATION:
        return _uuids([call.values["p_business_id"]])
    if call.function is calls.UPDATE_ENRICHMENT_BATCH:
        items = _read(call, "p_enrichments")
        return _uuids(
            [item.get("business_id") for item in items if isinstance(item, dict)]
            if isinstance(items, list)
            else []
        )
    return frozenset()


def campaigns_of(
    connection: Connection, business_ids: Iterable[uuid.UUID]
) -> dict[uuid.UUID, uuid.UUID]:
    """The businesses' campaigns, in one query, however many they are."""
    columns = businesses.c
    ids = bindparam("ids", list(business_ids), type_=ARRAY(Uuid))
    rows = connection.execute(
        select(columns.id, columns.campaign_id).where(columns.id == any_(ids))
    )
    return {row.id: row.campaign_id for row in rows}


def _read(call: Call[Any], parameter: str) -> Any:
    try:
        return load_json(call.values[parameter])
    except RecursionError as error:
        # It could just be written, a few levels further up: refused with the words used there.
        detail = f"{parameter} is not JSON: {error}"
        raise InvalidInputError(
            f"Invalid input: {detail}", error_code="22023", detail=detail
        ) from None


def _uuids(values: Iterable[Any]) -> frozenset[uuid.UUID]:
    found = set()
    for value in values:
        try:
            found.add(value if isinstance(value, uuid.UUID) else uuid.UUID(value))
        except (ValueError, TypeError, AttributeError):
            continue  # refused by either way, with the same words
    return frozenset(found)
