"""Many costs, all or none: one multi-row insert, one update for each campaign."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, insert

from app.application_path import checks
from app.application_path.checks import (
    DUPLICATE,
    MISSING_REFERENCE,
    refuse,
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
from app.application_path.money import rounded
from app.json_codec import load_json
from app.tables import api_costs
from app.tables.metadata import SERVICES

_CHECKS = {
    "campaign_id": checks.uuid_text,
    "service": checks.one_of(*SERVICES),
    "items_processed": checks.count,
    "cost_usd": checks.money,
}
# With RETURNING, SQLAlchemy sends many rows in a statement.
_INSERT = (
    insert(api_costs).values(metadata=jsonb_parameter("metadata_json")).returning(api_costs.c.id)
)


def track_campaign_costs_batch(connection: Connection, costs: str) -> dict[str, Any]:
    items = load_json(costs)
    if not isinstance(items, list):
        refuse("p_costs is not a JSON array")
    # All or none: the first bad cost refuses them all.
    given = [_read(item, f"p_costs[{index}]") for index, item in enumerate(items)]
    if not given:
        return {"success": True, "costs": []}

    totals = lock_campaigns(connection, [cost.campaign_id for cost in given])
    for index, cost in enumerate(given):
        if cost.campaign_id not in totals:
            named = items[index]["campaign_id"]
            refuse(f"p_costs[{index}]: there is no campaign {named}", MISSING_REFERENCE)

    # Whoever else could use a key of these campaigns waits for their rows: looking is enough.
    by_key = entries_by_key(connection, given)
    replies = []
    new_entries = []
    for index, cost in enumerate(given):
        entry = None if cost.key is None else by_key.get((cost.campaign_id, cost.key))
        replayed = entry is not None
        if entry is None:
            totals[cost.campaign_id] += cost.cost_usd
            entry = Entry(id=uuid.uuid4(), cost=cost, running_total=totals[cost.campaign_id])
            new_entries.append(entry)
            by_key[cost.campaign_id, cost.key] = entry
        elif not entry.cost.is_same(cost):
            refuse(f"p_costs[{index}]: {KEY_USED_BEFORE}", DUPLICATE)
        replies.append({"campaign_id": str(cost.campaign_id), **entry.envelope(replayed=replayed)})
    if new_entries:
        connection.execute(_INSERT, [_row(entry) for entry in new_entries])
        add_to_totals(connection, [entry.cost for entry in new_entries])
    return {"success": True, "costs": replies}


def _read(item: Any, name: str) -> Cost:
    """One cost of the batch; refuses it for the first thing that keeps it from being tracked."""
    if not isinstance(item, dict):
        refuse(f"{name}: not a JSON object")
    for key, check in _CHECKS.items():
        problem = "is missing" if item.get(key) is None else check(item[key])
        if problem is not None:
            refuse(f"{name}: {key} {problem}")
    # Rounded once, before all writes.
    amount = rounded(Decimal(item["cost_usd"]))
    if amount >= LARGEST_COST:
        refuse(f"{name}: cost_usd is {LARGEST_COST} or more")
    metadata = {} if item.get("metadata") is None else item["metadata"]
    if not isinstance(metadata, dict):
        refuse(f"{name}: metadata is not a JSON object")
    problem = idempotency_key_problem(metadata)
    if problem is not None:
        refuse(f"{name}: {problem}")
    return Cost(
        campaign_id=uuid.UUID(item["campaign_id"]),
        service=item["service"],
        items_processed=int(Decimal(item["items_processed"])),
        cost_usd=amount,
        metadata=metadata,
    )


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "campaign_id": entry.cost.campaign_id,
        "service": entry.cost.service,
        "items_processed": entry.cost.items_processed,
        "cost_usd": entry.cost.cost_usd,
        "metadata_json": json_text(entry.cost.metadata),
        "running_total": entry.running_total,
    }
