"""Which gate a campaign's cost and statistics writers take, and how (see app/tables/cost_gates)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from app.identifiers import quote_identifier
from app.tables.cost_gates import GATE_COUNT, cost_gates

# Longest wait at a gate and for a row, in seconds; then the call fails with 55P03, is retried, and
# queues again. Far above what a crowd of hundreds needs.
GATE_TIMEOUT = 10.0


def gate_number(campaign_id: uuid.UUID) -> int:
    """The campaign's gate. Only a hash: two campaigns at one gate wait, but stay correct."""
    return campaign_id.bytes[-1] % GATE_COUNT


def gate_statements(
    schema: str, campaign_ids: Iterable[uuid.UUID | None], timeout: float = GATE_TIMEOUT
) -> list[str]:
    """SQL that waits at the campaigns' gates; must come before the transaction's first query.

    Several gates are always taken in the same order. The mode excludes itself and writers, of
    which an empty table has none.
    """
    numbers = sorted({gate_number(id_) for id_ in campaign_ids if id_ is not None})
    if not numbers:
        return []
    names = ", ".join(
        f"{quote_identifier(schema)}.{quote_identifier(cost_gates[number].name)}"
        for number in numbers
    )
    return [
        f"SET LOCAL lock_timeout = {round(timeout * 1000)}",
        f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE",
    ]
