"""What is read of a database at one moment. Times are in seconds, money in USD."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.budgets import Budget
from app.reconciliation import Reconciliation


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A part that could not be read, and why: words for whoever can change it."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionStatistics:
    """One stored function since the server last reset its counters.

    Attributes:
        calls, total_seconds: None where nothing counts them.
        source: the view that they are from; None where there is none.
        p95_at_most: a bound that 95 of 100 calls keep; None without pg_stat_statements, for the
            server holds no distribution.
        longest: the longest call.
    """

    budget: Budget
    calls: int | None = None
    total_seconds: float | None = None
    source: str | None = None
    p95_at_most: float | None = None
    longest: float | None = None

    @property
    def function(self) -> str:
        return self.budget.function

    @property
    def budget_seconds(self) -> float:
        return self.budget.milliseconds / 1000

    @property
    def mean_seconds(self) -> float | None:
        if not self.calls or self.total_seconds is None:
            return None
        return self.total_seconds / self.calls

    @property
    def within_budget(self) -> bool | None:
        """Whether the mean call keeps the budget; None where it is not known."""
        mean = self.mean_seconds
        return None if mean is None else mean < self.budget_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class LockWait:
    """One session that waits for a lock, and one that it waits for.

    A statement is a function's name, else its first word; None where the role may not see it.
    `seconds` is None for a moment after the wait began.
    """

    blocked_pid: int
    blocked_statement: str | None
    blocking_pid: int
    blocking_statement: str | None
    blocking_state: str | None
    lock_type: str
    relation: str | None
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStatistics:
    """The whole database since `since`, or since it was made."""

    connections: int
    commits: int
    rollbacks: int
    deadlocks: int
    since: datetime.datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLength:
    """How many businesses of one campaign wait for enrichment."""

    campaign_id: uuid.UUID
    campaign: str
    facebook: int
    linkedin: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStatistics:
    """One table. Its counts of rows are the server's estimates."""

    table: str
    live_rows: int
    dead_rows: int
    inserts: int
    updates: int
    hot_updates: int
    deletes: int
    last_vacuum: datetime.datetime | None
    bytes: int

    @property
    def hot_ratio(self) -> Decimal | None:
        """The share of updates that wrote no index."""
        if not self.updates:
            return None
        return (Decimal(self.hot_updates) / self.updates).quantize(Decimal("0.001"))


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexStatistics:
    """One index. A unique one has its use without being read."""

    index: str
    table: str
    scans: int
    bytes: int
    is_unique: bool

    @property
    def is_unused(self) -> bool:
        return not self.scans and not self.is_unique


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Every part, each read or `Unavailable`; `notes` say what the server does not count."""

    taken_at: datetime.datetime
    database: str
    schema: str
    role: str
    functions: Sequence[FunctionStatistics]
    lock_waits: Sequence[LockWait] | Unavailable
    activity: DatabaseStatistics | Unavailable
    queues: Sequence[QueueLength] | Unavailable
    reconciliation: Reconciliation | Unavailable
    tables: Sequence[TableStatistics] | Unavailable
    indexes: Sequence[IndexStatistics] | Unavailable
    tracks_functions: bool
    tracks_statements: bool
    notes: Sequence[str]
