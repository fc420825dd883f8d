"""Writing costs: whose turn it is, ledger and totals by the same rounded amounts, and keys."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    Text,
    any_,
    bindparam,
    cast,
    func,
    select,
    update,
)

from app.application_path.json_values import is_same_json
from app.application_path.scraped_values import scraped_text
from app.json_codec import load_json
from app.tables import api_costs, campaigns
from app.tables.campaigns import SERVICE_COST_COLUMNS

_LONGEST_KEY = 255
KEY_USED_BEFORE = "p_metadata.idempotency_key was used before with another payload"
LARGEST_COST = 1_000_000  # USD; the ledger holds less

_KEY_OF_ENTRY = api_costs.c.metadata["idempotency_key"].astext


@dataclass(frozen=True, kw_only=True)
class Cost:
    """A cost to be written: `cost_usd` is rounded already, `metadata` a JSON object."""

    campaign_id: uuid.UUID
    service: str
    items_processed: int
    cost_usd: Decimal
    metadata: Mapping[str, Any]

    @property
    def key(self) -> str | None:
        key: str | None = self.metadata.get("idempotency_key")
        return key

    def is_same(self, other: Cost) -> bool:
        return (
            self.service == other.service
            and self.items_processed == other.items_processed
            and self.cost_usd == other.cost_usd
            and is_same_json(self.metadata, other.metadata)
        )


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A cost in the ledger and the campaign's actual cost right after it."""

    id: uuid.UUID
    cost: Cost
    running_total: Decimal | None

    def envelope(self, *, replayed: bool) -> dict[str, Any]:
        return {
            "cost_id": str(self.id),
            "new_total": self.running_total,
            "service": self.cost.service,
            "replayed": replayed,
        }


def idempotency_key_problem(metadata: Mapping[str, Any]) -> str | None:
    key = metadata.get("idempotency_key")
    if key is None:
        return None
    if isinstance(key, str) and scraped_text(key) is not None and len(key) <= _LONGEST_KEY:
        return None
    return "metadata.idempotency_key is not a text of 1 to 255 characters"


def lock_campaigns(
    connection: Connection, campaign_ids: Iterable[uuid.UUID]
) -> dict[uuid.UUID, Decimal]:
    """One writer of a campaign's totals at a time. The actual cost of each campaign that exists."""
    ids = sorted(set(campaign_ids))
    # The advisory locks put the writers of this kind in turn, in an order that is the same for all.
    # The rows' locks do so with every other writer, the stored functions included. READ COMMITTED
    # reads a row as its last writer left it, however long the wait for it was.
    keys = bindparam("keys", sorted(map(_advisory_key, ids)), type_=ARRAY(BigInteger))
    connection.execute(select(func.pg_advisory_xact_lock(func.unnest(keys))))
    locked = connection.execute(
        select(campaigns.c.id, campaigns.c.actual_cost)
        .where(campaigns.c.id.in_(ids))
        .order_by(campaigns.c.id)
        .with_for_update(key_share=True)
    )
    return dict(locked.all())


def _advisory_key(campaign_id: uuid.UUID) -> int:
    # Named for what is locked: advisory locks of others have the same numbers to choose from.
    digest = hashlib.blake2b(campaign_id.bytes, digest_size=8, person=b"campaign costs")
    return int.from_bytes(digest.digest(), signed=True)


def entries_by_key(
    connection: Connection, costs: Iterable[Cost]
) -> dict[tuple[uuid.UUID, str | None], Entry]:
    """The entries of the costs' keys that are in the ledger already, by campaign and key."""
    wanted = {(cost.campaign_id, cost.key) for cost in costs if cost.key is not None}
    if not wanted:
        return {}
    campaign_ids = {campaign_id for campaign_id, _ in wanted}
    keys = bindparam("keys", [key for _, key in wanted], type_=ARRAY(Text))
    ledger = api_costs.c
    found = connection.execute(
        select(
            ledger.id,
            ledger.campaign_id,
            ledger.service,
            ledger.items_processed,
            ledger.cost_usd,
            cast(ledger.metadata, Text).label("metadata"),
            ledger.running_total,
        ).where(ledger.campaign_id.in_(campaign_ids), any_(keys) == _KEY_OF_ENTRY)
    )
    entries = (
        Entry(
            id=row.id,
            cost=Cost(
                campaign_id=row.campaign_id,
                service=row.service,
                items_processed=row.items_processed,
                cost_usd=row.cost_usd,
                metadata=load_json(row.metadata),
            ),
            running_total=row.running_total,
        )
        for row in found
    )
    return {(entry.cost.campaign_id, entry.cost.key): entry for entry in entries}


def add_to_totals(connection: Connection, costs: Iterable[Cost]) -> None:
    """Adds the costs to their campaigns' totals; the campaigns' rows are locked."""
    sums: dict[uuid.UUID, dict[str, Decimal]] = {}
    for cost in costs:
        added = sums.setdefault(cost.campaign_id, dict.fromkeys(_ADDED.values(), Decimal(0)))
        for column in ("actual_cost", SERVICE_COST_COLUMNS[cost.service]):
            added[_ADDED[column]] += cost.cost_usd
    if sums:
        connection.execute(
            _ADD_TO_TOTALS, [{"of_campaign": id_, **added} for id_, added in sums.items()]
        )


_ADDED = {column: f"added_{column}" for column in ("actual_cost", *SERVICE_COST_COLUMNS.values())}
_ADD_TO_TOTALS = (
    update(campaigns)
    .where(campaigns.c.id == bindparam("of_campaign"))
    .values({column: campaigns.c[column] + bindparam(name) for column, name in _ADDED.items()})
    .values(updated_at=func.now())
)
