"""The statistics of a database at one moment. Times are in seconds, money in USD."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from campaigndb.calling.catalogue import Budget
from campaigndb.operations.reconciliation import Reconciliation


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A part that could not be read. `reason` says why and how to change it."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionStatistics:
    """One stored function since the server last reset its counters.

    Attributes:
        calls, total_seconds: None if nothing counts them.
        source: the view that counts them; None if there is none.
        p95_at_most: an upper limit for the 95th percentile, as the server stores no
            distribution; None without pg_stat_statements.
        longest: the duration of the longest call.
    """

    function: str
    budget: Budget
    calls: int | None = None
    total_seconds: float | None = None
    source: str | None = None
    p95_at_most: float | None = None
    longest: float | None = None

    @property
    def budget_seconds(self) -> float:
        """The function's budget in seconds."""
        return self.budget.milliseconds / 1000

    @property
    def mean_seconds(self) -> float | None:
        """The mean duration of a call; None before the first one."""
        if not self.calls or self.total_seconds is None:
            return None
        return self.total_seconds / self.calls

    @property
    def within_budget(self) -> bool | None:
        """Whether the mean duration is within the budget; None if it is unknown."""
        mean = self.mean_seconds
        return None if mean is None else mean < self.budget_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class LockWait:
    """A session that waits for a lock, and a session that blocks it.

    A statement is shown as the function's name, else as its first word; None if the role may not
    see it. `seconds` is None right after the wait started.
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
    """Counters of the whole database since `since`, or since its creation."""

    connections: int
    commits: int
    rollbacks: int
    deadlocks: int
    since: datetime.datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLength:
    """One queue of one campaign, as `campaigndb work status` shows it.

    `unfinished` items are held by a worker, due, waiting for their next attempt, or given up
    (`failed`); a business whose Facebook lookup was given up is `failed` only. `reserved`: USD.
    """

    campaign_id: uuid.UUID
    campaign: str
    queue: str
    unfinished: int
    held: int
    due: int
    waiting: int
    failed: int
    reserved: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStatistics:
    """One table. The numbers of rows are the server's estimates."""

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
        """The share of updates that did not write to an index (HOT)."""
        if not self.updates:
            return None
        return (Decimal(self.hot_updates) / self.updates).quantize(Decimal("0.001"))


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexStatistics:
    """One index. A unique index is in use even if no query reads it."""

    index: str
    table: str
    scans: int
    bytes: int
    is_unique: bool

    @property
    def is_unused(self) -> bool:
        """Whether no query used the index, and it is not unique."""
        return not self.scans and not self.is_unique


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """All parts, each read or `Unavailable`. `notes` say what the server does not count."""

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
