"""The statistics in Prometheus' text format.

Labels hold names of the schema and ids, never a campaign's name or a statement. Each sample names
its database and schema, so that a collector that reads the files of several keeps them apart.
Samples are floats, as Prometheus keeps them: money is exact in the other formats.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.monitoring.statistics import LockWait, QueueLength, Statistics, Unavailable

# Each label value is a time series of its own: beyond these, campaigns are one.
CAMPAIGNS_NAMED = 100
OTHER_CAMPAIGNS = "others"


def as_prometheus(statistics: Statistics) -> str:
    """One exposition of every part that could be read; `campaigndb_part_readable` says which."""
    # Not the process's registry: it would add the metrics of this short-lived process.
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
        yield from _functions(statistics)
        yield from _lock_waits(statistics.lock_waits)
        yield from _activity(statistics)
        yield from _queues(statistics.queues)
        yield from _ledger(statistics)
        yield from _tables(statistics)
        yield from _indexes(statistics)
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


def _gauge(name: str, help_text: str, labels: list[str], samples: Samples) -> Metric:
    family = GaugeMetricFamily(f"campaigndb_{name}", help_text, labels=labels)
    for values, value in samples:
        family.add_metric(values, float(value))
    return family


def _counter(name: str, help_text: str, labels: list[str], samples: Samples) -> Metric:
    """Its name ends in _total, which the family adds."""
    family = CounterMetricFamily(f"campaigndb_{name}", help_text, labels=labels)
    for values, value in samples:
        family.add_metric(values, float(value))
    return family


def _functions(statistics: Statistics) -> Iterator[Metric]:
    functions = statistics.functions
    label = ["function"]
    yield _counter(
        "function_calls",
        "Calls of a stored function.",
        label,
        [([each.function], each.calls) for each in functions if each.calls is not None],
    )
    yield _counter(
        "function_seconds",
        "Time spent in a stored function.",
        label,
        [([each.function], each.total_seconds) for each in functions if each.calls is not None],
    )
    yield _gauge(
        "function_p95_at_most_seconds",
        "A bound that 95 of 100 calls keep, from mean and deviation.",
        label,
        [([each.function], each.p95_at_most) for each in functions if each.p95_at_most is not None],
    )
    yield _gauge(
        "function_budget_seconds",
        "The most that the median call may take.",
        label,
        [([each.function], each.budget_seconds) for each in functions],
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


def _activity(statistics: Statistics) -> Iterator[Metric]:
    activity = statistics.activity
    if isinstance(activity, Unavailable):
        return
    yield _gauge("connections", "Connections to the database.", [], [([], activity.connections)])
    yield _counter("commits", "Committed transactions.", [], [([], activity.commits)])
    yield _counter("rollbacks", "Transactions rolled back.", [], [([], activity.rollbacks)])
    yield _counter("deadlocks", "Deadlocks detected.", [], [([], activity.deadlocks)])


def _queues(queues: Iterable[QueueLength] | Unavailable) -> Iterator[Metric]:
    if isinstance(queues, Unavailable):
        return
    lengths = list(queues)
    named, others = lengths[:CAMPAIGNS_NAMED], lengths[CAMPAIGNS_NAMED:]
    samples = []
    for queue in ("facebook", "linkedin"):
        samples += [([str(each.campaign_id), queue], getattr(each, queue)) for each in named]
        if others:
            rest = sum(getattr(each, queue) for each in others)
            samples.append(([OTHER_CAMPAIGNS, queue], rest))
    yield _gauge(
        "queue_length",
        "Businesses that wait for enrichment.",
        ["campaign_id", "queue"],
        samples,
    )


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


def _tables(statistics: Statistics) -> Iterator[Metric]:
    tables = statistics.tables
    if isinstance(tables, Unavailable):
        return
    label = ["table"]
    for name, attribute, text in (
        ("table_live_rows", "live_rows", "Estimated live rows."),
        ("table_dead_rows", "dead_rows", "Estimated dead rows."),
        ("table_size_bytes", "bytes", "Size without indexes."),
    ):
        yield _gauge(
            name, text, label, [([each.table], getattr(each, attribute)) for each in tables]
        )
    for name, attribute, text in (
        ("table_updates", "updates", "Rows updated."),
        ("table_hot_updates", "hot_updates", "Rows updated without writing an index."),
    ):
        yield _counter(
            name, text, label, [([each.table], getattr(each, attribute)) for each in tables]
        )


def _indexes(statistics: Statistics) -> Iterator[Metric]:
    indexes = statistics.indexes
    if isinstance(indexes, Unavailable):
        return
    labels = ["table", "index"]
    yield _counter(
        "index_scans",
        "Scans of an index.",
        labels,
        [([each.table, each.index], each.scans) for each in indexes],
    )
    yield _gauge(
        "index_size_bytes",
        "Size of an index.",
        labels,
        [([each.table, each.index], each.bytes) for each in indexes],
    )
