"""One cost: ledger and totals in one transaction, in turn with all who write them."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from app.application_path.checks import (
    DUPLICATE,
    OUT_OF_RANGE,
    refuse,
    refuse_missing_campaign,
)
from app.application_path.cost_ledger import (
    KEY_USED_BEFORE,
    LARGEST_COST,
    Cost,
    Entry,
    add_to_totals,
    entries_by_key,
    idempotency_key_problem,
    lock_campaigns,
)
from app.application_path.json_values import json_text, jsonb_parameter
from app.application_path.money import read_money, rounded
from app.json_codec import load_json
from app.tables import api_costs
from app.tables.metadata import SERVICES

[_KEY_INDEX] = [index for index in api_costs.indexes if index.unique]
# The unique index finds a repeated key.
_INSERT = (
    insert(api_costs)
    .values(metadata=jsonb_parameter("metadata_json"))
    .on_conflict_do_nothing(constraint=_KEY_INDEX)
    .returning(api_costs.c.id)
)


def track_campaign_cost(
    connection: Connection,
    campaign_id: uuid.UUID | None,
    service: str | None,
    items_processed: int | None,
    cost_usd: str | None,
    metadata: str,
) -> dict[str, Any]:
    amount = read_money(connection, cost_usd)
    if service not in SERVICES:
        refuse(f"p_service is not one of {', '.join(SERVICES)}")
    if items_processed is None or items_processed < 0:
        refuse("p_items_processed is missing or negative")
    if amount is None or not amount.is_finite() or amount < 0:
        refuse("p_cost_usd is not a finite amount of 0 or more")
    # Rounded once, before both writes: two roundings would let total and ledger part.
    amount = rounded(amount)
    if amount >= LARGEST_COST:
        refuse(f"p_cost_usd is {LARGEST_COST} or more", OUT_OF_RANGE)
    given_metadata = load_json(metadata)
    if given_metadata is None:
        given_metadata = {}
    if not isinstance(given_metadata, dict):
        refuse("p_metadata is not a JSON object")
    problem = idempotency_key_problem(given_metadata)
    if problem is not None:
        refuse(f"p_{problem}")

    if campaign_id is None:
        refuse_missing_campaign(None)
    totals = lock_campaigns(connection, [campaign_id])
    if campaign_id not in totals:
        refuse_missing_campaign(campaign_id)
    cost = Cost(
        campaign_id=campaign_id,
        service=service,
        items_processed=items_processed,
        cost_usd=amount,
        metadata=given_metadata,
    )
    new_total = totals[campaign_id] + amount
    cost_id = connection.execute(
        _INSERT,
        {
            "campaign_id": campaign_id,
            "service": service,
            "items_processed": items_processed,
            "cost_usd": amount,
            "metadata_json": json_text(given_metadata),
            "running_total": new_total,
        },
    ).scalar()
    if cost_id is None:
        first = entries_by_key(connection, [cost])[campaign_id, cost.key]
        if not first.cost.is_same(cost):
            refuse(KEY_USED_BEFORE, DUPLICATE)
        return {"success": True, **first.envelope(replayed=True)}
    add_to_totals(connection, [cost])
    entry = Entry(id=cost_id, cost=cost, running_total=new_total)
    return {"success": True, **entry.envelope(replayed=False)}
