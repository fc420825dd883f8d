"""Timing variants of the same work side by side.

The variants take turns call by call, in orders in which each follows each other one, so that
whatever else the machine does meanwhile, and what a call leaves behind, falls on all of them
alike. Each call is compared with the baseline's call of the same turn, and the median of these
ratios is what counts: a machine whose speed changes changes both.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto
from typing import Any

from benchmarks.figures import Figure, median, p99
from benchmarks.turns import orders
from campaigndb.calling.catalogue import Budget


class Often(Enum):
    """How often a variant is measured: less where it takes long."""

    EACH_CALL = auto()
    EACH_ROUND = auto()
    ONCE = auto()


@dataclass(frozen=True)
class Variant:
    """One way of doing the work; `prepare`, which is not timed, makes what `run` is given."""

    name: str
    run: Callable[[Any], object]
    prepare: Callable[[], Any] = lambda: None
    often: Often = Often.EACH_CALL


@dataclass(frozen=True)
class Comparison:
    """Variants of the same work on `n` items, measured in rounds.

    Before each round `tidy` brings the database back into the same state. Then come `discarded`
    calls of each variant that nobody counts, which leave plans and caches as they are in a
    long-lived connection, and `calls` that are timed. What is measured once a round has one such
    call, in the first round; what is measured once has none.

    `budget` and `ratio_limit` are what `function` is held to.
    """

    name: str
    n: int
    variants: Sequence[Variant]
    baseline: str
    case: str = ""
    calls: int = 1
    discarded: int = 1
    tidy: Callable[[], object] = lambda: None
    budget: Budget | None = None
    ratio_limit: Decimal | None = None


FUNCTION = "function"


def compare(comparison: Comparison, rounds: int) -> list[Figure]:
    """One figure for each variant, in the order given."""
    milliseconds: dict[str, list[float]] = {variant.name: [] for variant in comparison.variants}
    in_turn = orders(len(comparison.variants))
    turn = 0
    # Python's own bookkeeping of all that was made before is nobody's work.
    gc.collect()
    gc.freeze()
    for _ in range(rounds):
        comparison.tidy()
        for call in range(-comparison.discarded, comparison.calls):
            for index in in_turn[turn % len(in_turn)]:
                variant = comparison.variants[index]
                measured = milliseconds[variant.name]
                if not _has_its_turn(variant, call, measured):
                    continue
                elapsed = _timed(variant)
                if call >= 0:
                    measured.append(elapsed)
            turn += 1
    gc.unfreeze()
    return [_figure(comparison, variant, milliseconds) for variant in comparison.variants]


def in_case(variant: str, case: str) -> str:
    """A variant's name in a figure."""
    return f"{variant}, {case}" if case else variant


def _has_its_turn(variant: Variant, call: int, measured: Sequence[float]) -> bool:
    """`call` counts from the first timed one of a round; those before it are discarded."""
    if variant.often is Often.EACH_CALL:
        return True
    if variant.often is Often.ONCE:
        return call == 0 and not measured
    return call == 0 or (call == -1 and not measured)


def _timed(variant: Variant) -> float:
    given = variant.prepare()
    gc.disable()
    try:
        start = time.perf_counter()
        variant.run(given)
        return (time.perf_counter() - start) * 1000
    finally:
        gc.enable()


def _figure(
    comparison: Comparison,
    variant: Variant,
    milliseconds: dict[str, list[float]],
) -> Figure:
    values = milliseconds[variant.name]
    baseline = milliseconds[comparison.baseline]
    is_function = variant.name == FUNCTION
    return Figure(
        name=comparison.name,
        variant=in_case(variant.name, comparison.case),
        n=comparison.n,
        clients=1,
        baseline=in_case(comparison.baseline, comparison.case),
        ratio=_ratio(values, baseline),
        calls=len(values),
        median_ms=median(values),
        p99_ms=p99(values),
        budget=comparison.budget if is_function else None,
        ratio_limit=comparison.ratio_limit if is_function else None,
    )


def _ratio(values: Sequence[float], baseline: Sequence[float]) -> float:
    if len(values) != len(baseline):  # measured less often: not turn by turn
        return median(values) / median(baseline)
    return median([value / other for value, other in zip(values, baseline, strict=True)])
