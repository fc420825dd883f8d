"""The statistics as one document for machines: times in seconds, money exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from campaigndb.operations.monitoring.statistics import QueueLength, Statistics, Unavailable

# Maximum number of queues that are listed; the others are added up.
QUEUES_SHOWN = 20
QUEUE_FIGURES = ("unfinished", "held", "due", "waiting", "failed", "reserved")


def other_queues(queues: Sequence[QueueLength], shown: int = QUEUES_SHOWN) -> dict[str, Any]:
    """The number of queues after the first `shown`, and their sums."""
    rest = queues[shown:]
    sums = {name: sum(getattr(queue, name) for queue in rest) for name in QUEUE_FIGURES}
    return {"queues": len(rest), **sums, "reserved": Decimal(sums["reserved"])}


def as_document(statistics: Statistics) -> dict[str, Any]:
    """A document for `print_json`. An unavailable part is `{"unavailable": reason}`."""
    queues = statistics.queues
    return {
        "taken_at": statistics.taken_at,
        "database": statistics.database,
        "schema": statistics.schema,
        "role": statistics.role,
        "functions": [
            {
                "function": each.function,
                "calls": each.calls,
                "total_seconds": each.total_seconds,
                "mean_seconds": each.mean_seconds,
                "p95_at_most_seconds": each.p95_at_most,
                "longest_seconds": each.longest,
                "budget_seconds": each.budget_seconds,
                "within_budget": each.within_budget,
                "source": each.source,
            }
            for each in statistics.functions
        ],
        "lock_waits": _part(statistics.lock_waits),
        "activity": _part(statistics.activity),
        "queues": _part(queues if isinstance(queues, Unavailable) else queues[:QUEUES_SHOWN]),
        "other_queues": _part(queues) if isinstance(queues, Unavailable) else other_queues(queues),
        "reconciliation": _reconciliation(statistics),
        "tables": _part(statistics.tables, "hot_ratio"),
        "indexes": _part(statistics.indexes, "is_unused"),
        "notes": list(statistics.notes),
    }


def _part(part: Any, *computed: str) -> Any:
    if isinstance(part, Unavailable):
        return {"unavailable": part.reason}
    if isinstance(part, Sequence):
        return [asdict(each) | {name: getattr(each, name) for name in computed} for each in part]
    return asdict(part)


def _reconciliation(statistics: Statistics) -> dict[str, Any]:
    found = statistics.reconciliation
    if isinstance(found, Unavailable):
        return {"unavailable": found.reason}
    return {
        "campaigns": found.campaigns,
        "costs": found.costs,
        "discrepancies": len(found.independent),
        "discrepancy_usd": found.discrepancy,
    }
