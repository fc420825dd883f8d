"""Finds the campaigns of a call: those that it names, or those of its businesses."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, Connection, Uuid, any_, bindparam, select

from campaigndb.calling import catalogue
from campaigndb.calling.arguments import Call
from campaigndb.calling.errors import InvalidInputError
from campaigndb.calling.json_codec import load_json
from campaigndb.tables import businesses


def campaigns_named(call: Call[Any]) -> frozenset[uuid.UUID]:
    """The campaigns that the call names."""
    if call.gated_campaigns:
        return call.gated_campaigns
    if call.function is catalogue.CREATE_CAMPAIGN_WITH_COVERAGE:
        data = read_json(call, "p_campaign_data")
        return _uuids([data.get("id")] if isinstance(data, dict) else [])
    return _uuids([call.values.get("p_campaign_id")])


def businesses_named(call: Call[Any]) -> frozenset[uuid.UUID]:
    """The businesses that a call names instead of campaigns."""
    if call.function is catalogue.UPDATE_EMAIL_VERIFICATION:
        return _uuids([call.values["p_business_id"]])
    if call.function is catalogue.UPDATE_ENRICHMENT_BATCH:
        items = read_json(call, "p_enrichments")
        return _uuids(
            [item.get("business_id") for item in items if isinstance(item, dict)]
            if isinstance(items, list)
            else []
        )
    return frozenset()


def campaigns_of(
    connection: Connection, business_ids: Iterable[uuid.UUID]
) -> dict[uuid.UUID, uuid.UUID]:
    """The campaigns of the businesses, in one query."""
    columns = businesses.c
    ids = bindparam("ids", list(business_ids), type_=ARRAY(Uuid))
    rows = connection.execute(
        select(columns.id, columns.campaign_id).where(columns.id == any_(ids))
    )
    return {row.id: row.campaign_id for row in rows}


def read_json(call: Call[Any], parameter: str) -> Any:
    """A JSON parameter of the call.

    Raises:
        InvalidInputError: it is nested too deeply to be read.
    """
    try:
        return load_json(call.values[parameter])
    except RecursionError as error:
        # It was just possible to write it. The error is the same as that of writing.
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
            continue  # function and fallback both refuse the call
    return frozenset(found)
