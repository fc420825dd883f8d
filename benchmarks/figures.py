"""What a benchmark finds: one figure for each variant of a comparison."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from benchmarks.memory import Memory
from campaigndb.calling.catalogue import Budget

# Every budget is to be kept so many times over.
BUDGET_ROOM = 10


@dataclass(frozen=True)
class Target:
    """What a figure is held to beside its budget and its ratio: in words, with what it came to."""

    text: str
    is_met: bool


@dataclass(frozen=True)
class Figure:
    """One variant of a function's work, measured.

    Attributes:
        name: the stored function whose work it is.
        variant: who did the work, and in which case: `function`, `COPY, half changed`.
        n: how many items one call works on.
        clients: how many called at once.
        baseline: the variant that `ratio` compares with.
        ratio: of the time (less is faster; see `measurement`), or of the calls per second (more is
            faster).
        median_ms: of one call, COMMIT included; None where something else was measured.
        per_second: successful calls of all clients together; None where a call was timed.
        megabytes: of disk or memory; None where time was measured.
        p99_ms: of one call; None where there were too few calls to tell.
        calls: how many calls the figure rests on.
        retries: transactions begun again, by clients that called at once.
        lost: calls that were given up, of clients that called at once.
        budget: what the median must stay below.
        ratio_limit: the most that `ratio` may be.
        targets: other comparisons that it is held to.
        memory: what one call takes, where that was measured.
        hot_updates: the share of the table's updates that touched no index, 0 to 1.
        growth: the exponent with which the time grew from the next smaller n: 0 not at all, 1 as n.
    """

    name: str
    variant: str
    n: int
    clients: int
    baseline: str
    ratio: float
    calls: int
    median_ms: float | None = None
    per_second: float | None = None
    megabytes: float | None = None
    p99_ms: float | None = None
    retries: int | None = None
    lost: int | None = None
    budget: Budget | None = None
    ratio_limit: Decimal | None = None
    targets: tuple[Target, ...] = ()
    growth: float | None = None
    memory: Memory | None = None
    hot_updates: float | None = None

    @property
    def within_budget(self) -> bool | None:
        """None where there is no budget."""
        if self.budget is None or self.median_ms is None:
            return None
        return self.median_ms < self.budget.milliseconds

    @property
    def times_within_budget(self) -> float:
        """How many of these calls the budget has room for; 0 where there is none."""
        if self.budget is None or not self.median_ms:
            return 0
        return self.budget.milliseconds / self.median_ms

    @property
    def within_ratio_limit(self) -> bool | None:
        """None where there is no limit."""
        return None if self.ratio_limit is None else self.ratio <= self.ratio_limit

    @property
    def verdicts(self) -> list[tuple[str, bool]]:
        """Each target in words, and whether it is met."""
        found = []
        if self.budget is not None and self.within_budget is not None:
            found.append((f"< {self.budget.milliseconds} ms", self.within_budget))
            found.append(("ten times over", self.times_within_budget >= BUDGET_ROOM))
        if self.ratio_limit is not None and self.within_ratio_limit is not None:
            found.append((f"<= {self.ratio_limit} x {self.baseline}", self.within_ratio_limit))
        found.extend((target.text, target.is_met) for target in self.targets)
        return found

    @property
    def remarks(self) -> list[str]:
        """What there is to say beside time and ratio: growth, memory, what went wrong."""
        found = []
        if self.calls == 1:
            found.append("one call, no median")
        if self.retries is not None and self.per_second is not None:
            found.append(f"{self.retries / self.calls:.2f} retries a call")
        if self.growth is not None:
            found.append(f"grows as n^{self.growth:.2f}")
        if self.hot_updates is not None:
            found.append(f"{self.hot_updates:.0%} HOT updates")
        if self.memory is not None:
            found.append(
                f"server {self.memory.server_mb:.0f} MB, client {self.memory.client_mb:.0f} MB"
            )
        return found

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Figure:
        """The figure that `as_json` wrote."""
        budget, limit = document.get("budget_ms"), document.get("ratio_limit")
        return cls(
            name=document["name"],
            variant=document["variant"],
            n=document["n"],
            clients=document["clients"],
            baseline=document["baseline"],
            ratio=document["ratio"],
            calls=document["calls"],
            median_ms=document.get("median_ms"),
            per_second=document.get("per_second"),
            megabytes=document.get("megabytes"),
            p99_ms=document.get("p99_ms"),
            retries=document.get("retries"),
            lost=document.get("lost"),
            growth=document.get("growth"),
            hot_updates=document.get("hot_updates"),
            budget=None if budget is None else Budget(budget, ""),
            ratio_limit=None if limit is None else Decimal(str(limit)),
            targets=tuple(
                Target(each["target"], each["met"]) for each in document.get("targets", ())
            ),
            memory=Memory(document["server_mb"], document["client_mb"])
            if "server_mb" in document
            else None,
        )

    def as_json(self) -> dict[str, Any]:
        measured: dict[str, Any] = {"median_ms": _rounded(self.median_ms)}
        if self.per_second is not None:
            measured = {"per_second": _rounded(self.per_second)}
        elif self.megabytes is not None:
            measured = {"megabytes": _rounded(self.megabytes)}
        extras = {
            "calls": self.calls,
            "p99_ms": _rounded(self.p99_ms),
            "retries": self.retries,
            "lost": self.lost,
            "server_mb": _rounded(self.memory.server_mb) if self.memory else None,
            "client_mb": _rounded(self.memory.client_mb) if self.memory else None,
            "hot_updates": _rounded(self.hot_updates),
            "growth": None if self.growth is None else round(self.growth, 2),
            "budget_ms": self.budget.milliseconds if self.budget is not None else None,
            "within_budget": self.within_budget,
            "times_within_budget": _rounded(self.times_within_budget) if self.budget else None,
            "ratio_limit": float(self.ratio_limit) if self.ratio_limit is not None else None,
            "within_ratio_limit": self.within_ratio_limit,
            "targets": [{"target": each.text, "met": each.is_met} for each in self.targets] or None,
        }
        return {
            "name": self.name,
            "variant": self.variant,
            "n": self.n,
            "clients": self.clients,
            **measured,
            "baseline": self.baseline,
            "ratio": _rounded(self.ratio),
            **{name: value for name, value in extras.items() if value is not None},
        }


def _rounded(value: float | None) -> float | None:
    """Four significant digits: the rest is noise."""
    return None if value is None else float(f"{value:.4g}")


# Below that the 99th percentile is just the largest value.
_CALLS_FOR_P99 = 100


def p99(values: Sequence[float]) -> float | None:
    if len(values) < _CALLS_FOR_P99:
        return None
    return sorted(values)[math.ceil(0.99 * len(values)) - 1]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def with_growth(figures: Sequence[Figure]) -> list[Figure]:
    """The figures of one function at several sizes, each with its growth from the size before."""
    grown: list[Figure] = []
    last: dict[str, Figure] = {}
    for figure in figures:
        before = last.get(figure.variant)
        if before is not None and before.median_ms and figure.median_ms and figure.n > before.n:
            ratio = figure.median_ms / before.median_ms
            figure = replace(figure, growth=math.log(ratio) / math.log(figure.n / before.n))
        last[figure.variant] = figure
        grown.append(figure)
    return grown
