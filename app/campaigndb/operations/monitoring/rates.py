"""Rates per second between two readings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from campaigndb.operations.monitoring.statistics import Statistics, Unavailable


@dataclass(frozen=True, slots=True)
class FunctionRate:
    """Calls per second, and their mean duration in seconds; None without calls."""

    calls: float
    mean_seconds: float | None


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates by function and of the whole database. Counters that were reset have none."""

    functions: Mapping[str, FunctionRate]
    commits: float | None
    rollbacks: float | None
    deadlocks: int | None


def rates_between(earlier: Statistics, later: Statistics) -> Rates | None:
    """The rates between two readings; None if no time passed."""
    seconds = (later.taken_at - earlier.taken_at).total_seconds()
    if seconds <= 0:
        return None
    before = {each.function: each for each in earlier.functions}
    functions = {}
    for now in later.functions:
        then = before[now.function]
        if now.calls is None or now.source != (then.source or now.source):
            continue
        calls = now.calls - (then.calls or 0)
        spent = (now.total_seconds or 0) - (then.total_seconds or 0)
        if calls >= 0 and spent >= 0:
            functions[now.function] = FunctionRate(
                calls / seconds, spent / calls if calls else None
            )
    a, b = earlier.activity, later.activity
    if isinstance(a, Unavailable) or isinstance(b, Unavailable) or a.since != b.since:
        return Rates(functions, None, None, None)
    return Rates(
        functions,
        (b.commits - a.commits) / seconds,
        (b.rollbacks - a.rollbacks) / seconds,
        b.deadlocks - a.deadlocks,
    )
