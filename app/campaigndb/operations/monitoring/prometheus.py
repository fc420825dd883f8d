"""The statistics in Prometheus' text format.

Labels are names from the schema and ids, never a campaign's name or a statement. Each sample has
its database and schema as labels, so that a collector can tell several apart. Samples are floats,
as Prometheus stores them; money is exact only in the other formats.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from campaigndb.operations.monitoring.statistics import (
    LockWait,
    QueueLength,
    Statistics,
    Unavailable,
)

# Maximum number of campaigns with their own time series; the others are added up.
CAMPAIGNS_NAMED = 100
OTHER_CAMPAIGNS = "others"


def as_prometheus(statistics: Statistics) -> str:
    """Writes every part that could be read; `campaigndb_part_readable` says which ones."""
    # The default registry would add the metrics of this short-lived process.
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Reading(statistics))
    return generate_latest(registry).decode()


class _Reading(Collector):
    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics

    def collect(self) -> Iterator[Metric]:
        common = {"database": self._statistics.database, "schema": self._statistics.schema}
        for family in self._families():
            family.samples = [
                sample._replace(labels={**common, **sample.labels}) for sample in family.samples
            ]
            yield family

    def _families(self) -> Iterator[Metric]:
        statistics = self._statistics
        yield from _columns(
            statistics.functions,
            ["function"],
            (_counter, "function_calls", "calls", "Calls of a stored function."),
            (_counter, "function_seconds", "total_seconds", "Time spent in a stored function."),
            (
                _gauge,
                "function_p95_at_most_seconds",
                "p95_at_most",
                "A bound that 95 of 100 calls keep, from mean and deviation.",
            ),
            (
                _gauge,
                "function_budget_seconds",
                "budget_seconds",
                "The most that the median call may take.",
            ),
        )
        yield from _lock_waits(statistics.lock_waits)
        activity = statistics.activity
        yield from _columns(
            activity if isinstance(activity, Unavailable) else [activity],
            [],
            (_gauge, "connections", "connections", "Connections to the database."),
            (_counter, "commits", "commits", "Committed transactions."),
            (_counter, "rollbacks", "rollbacks", "Transactions rolled back."),
            (_counter, "deadlocks", "deadlocks", "Deadlocks detected."),
        )
        yield from _queues(statistics.queues)
        yield from _ledger(statistics)
        yield from _columns(
            statistics.tables,
            ["table"],
            (_gauge, "table_live_rows", "live_rows", "Estimated live rows."),
            (_gauge, "table_dead_rows", "dead_rows", "Estimated dead rows."),
            (_gauge, "table_size_bytes", "bytes", "Size without indexes."),
            (_counter, "table_updates", "updates", "Rows updated."),
            (
                _counter,
                "table_hot_updates",
                "hot_updates",
                "Rows updated without writing an index.",
            ),
        )
        yield from _columns(
            statistics.indexes,
            ["table", "index"],
            (_counter, "index_scans", "scans", "Scans of an index."),
            (_gauge, "index_size_bytes", "bytes", "Size of an index."),
        )
        yield _gauge(
            "part_readable",
            "Whether a part of the statistics could be read.",
            ["part"],
            [
                *(
                    ([part], not isinstance(getattr(statistics, part), Unavailable))
                    for part in _PARTS
                ),
                (["functions"], statistics.tracks_functions),
                (["statements"], statistics.tracks_statements),
            ],
        )


_PARTS = ("lock_waits", "activity", "queues", "reconciliation", "tables", "indexes")

Samples = Iterable[tuple[list[str], Any]]


def _family(
    kind: type[GaugeMetricFamily] | type[CounterMetricFamily],
    name: str,
    help_text: str,
    labels: list[str],
    samples: Samples,
) -> Metric:
    family = kind(f"campaigndb_{name}", help_text, labels=labels)
    for values, value in samples:
        family.add_metric(values, float(value))
    return family


_gauge = partial(_family, GaugeMetricFamily)
# The family adds `_total` to its name.
_counter = partial(_family, CounterMetricFamily)


def _columns(
    items: Sequence[Any] | Unavailable, labels: list[str], *families: tuple[Any, str, str, str]
) -> Iterator[Metric]:
    """A family for each column of the items, as (kind, name, attribute, help).

    Items whose value is not known are left out.
    """
    if isinstance(items, Unavailable):
        return
    for family, name, attribute, help_text in families:
        known = [each for each in items if getattr(each, attribute) is not None]
        yield family(
            name,
            help_text,
            labels,
            [
                ([getattr(each, label) for label in labels], getattr(each, attribute))
                for each in known
            ],
        )


def _lock_waits(waits: Iterable[LockWait] | Unavailable) -> Iterator[Metric]:
    if isinstance(waits, Unavailable):
        return
    seconds = {wait.blocked_pid: wait.seconds or 0.0 for wait in waits}
    yield _gauge(
        "lock_waits", "Sessions that wait for a lock at this moment.", [], [([], len(seconds))]
    )
    yield _gauge(
        "lock_wait_longest_seconds",
        "The longest of those waits.",
        [],
        [([], max(seconds.values(), default=0.0))],
    )


def _queues(queues: Iterable[QueueLength] | Unavailable) -> Iterator[Metric]:
    if isinstance(queues, Unavailable):
        return
    named = list(dict.fromkeys(each.campaign_id for each in queues))[:CAMPAIGNS_NAMED]
    summed: dict[tuple[str, str], list[QueueLength]] = {}
    for each in queues:
        campaign = str(each.campaign_id) if each.campaign_id in named else OTHER_CAMPAIGNS
        summed.setdefault((campaign, each.queue), []).append(each)

    def sums(name: str, *state: str) -> Samples:
        return [
            ([*queue, *state], sum(getattr(each, name) for each in summed[queue]))
            for queue in summed
        ]

    labels = ["campaign_id", "queue"]
    yield _gauge("queue_length", "Unfinished items of a queue.", labels, sums("unfinished"))
    yield _gauge(
        "queue_items",
        "Items that a worker holds, that are due, that wait for an attempt, that were given up.",
        [*labels, "state"],
        [sample for state in ("held", "due", "waiting", "failed") for sample in sums(state, state)],
    )
    yield _gauge("queue_reserved_usd", "What claims reserve of a budget.", labels, sums("reserved"))


def _ledger(statistics: Statistics) -> Iterator[Metric]:
    found = statistics.reconciliation
    if isinstance(found, Unavailable):
        return
    yield _gauge(
        "ledger_discrepancies",
        "Totals that differ from the ledger of costs.",
        [],
        [([], len(found.independent))],
    )
    yield _gauge(
        "ledger_discrepancy_usd",
        "The sum of those differences' sizes.",
        [],
        [([], found.discrepancy)],
    )
