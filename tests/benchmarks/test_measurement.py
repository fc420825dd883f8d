"""Variants take turns, and only what is meant to count counts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from benchmarks import measurement
from benchmarks.figures import Figure
from benchmarks.insert_businesses_batch import CORE_MANY, CORE_UPSERT, beside_core
from benchmarks.measurement import Comparison, Often, Variant, compare
from campaigndb.calling.catalogue import Budget


def test_variants_take_turns_each_time_in_another_order() -> None:
    done: list[str] = []
    variants = [Variant(name, lambda _, name=name: done.append(name)) for name in "abc"]
    compare(Comparison("f", 1, variants, baseline="a", calls=2, discarded=1), rounds=2)
    assert "".join(done) == "abcbcacabcbaacbbac"


def test_the_database_is_tidied_before_each_round_and_not_in_between() -> None:
    done: list[str] = []
    variants = [Variant("a", lambda _: done.append("a"))]
    compare(
        Comparison("f", 1, variants, "a", calls=2, discarded=1, tidy=lambda: done.append("-")),
        rounds=2,
    )
    assert "".join(done) == "-aaa-aaa"


class Clock:
    """Stands still but for what is done."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


def test_preparing_and_discarded_calls_are_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(measurement, "time", clock)
    took = iter([100.0, 1.0, 2.0, 3.0])

    def prepare() -> float:
        clock.pass_by(1000)
        return next(took)

    variants = [Variant("a", clock.pass_by, prepare=prepare)]
    (figure,) = compare(Comparison("f", 1, variants, "a", calls=3, discarded=1), rounds=1)
    assert (figure.calls, figure.median_ms) == (3, 2000)


def test_a_slow_variant_runs_once_a_round_and_a_very_slow_one_once() -> None:
    done: list[str] = []
    variants = [
        Variant("a", lambda _: done.append("a")),
        Variant("slow", lambda _: done.append("slow"), often=Often.EACH_ROUND),
        Variant("very slow", lambda _: done.append("very slow"), often=Often.ONCE),
    ]
    figures = compare(Comparison("f", 1, variants, "a", calls=2, discarded=1), rounds=3)
    assert [figure.calls for figure in figures] == [6, 3, 1]
    # The slow one has been warmed up, once; what takes very long has not.
    assert [done.count(variant.name) for variant in variants] == [9, 4, 1]
    assert [figure.remarks for figure in figures] == [[], [], ["one call, no median"]]


def test_the_ratio_is_the_median_of_each_turns_own_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    # A machine that is ten times slower in the second turn.
    times = {"function": iter([3.0, 30.0, 2.0]), "other": iter([1.0, 10.0, 4.0])}
    monkeypatch.setattr(measurement, "_timed", lambda variant: next(times[variant.name]))
    variants = [Variant("function", lambda _: None), Variant("other", lambda _: None)]
    function, other = compare(
        Comparison("f", 5, variants, "other", case="twice", calls=3, discarded=0), rounds=1
    )
    assert (function.variant, function.baseline) == ("function, twice", "other, twice")
    assert other.ratio == 1
    assert function.ratio == 3
    assert (function.median_ms, other.median_ms) == (3, 4)


def test_a_variant_that_is_measured_less_often_is_compared_by_its_median(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times = {"slow": iter([8.0]), "other": iter([1.0, 2.0, 4.0])}
    monkeypatch.setattr(measurement, "_timed", lambda variant: next(times[variant.name]))
    variants = [
        Variant("slow", lambda _: None, often=Often.ONCE),
        Variant("other", lambda _: None),
    ]
    slow, _ = compare(Comparison("f", 5, variants, "other", calls=3, discarded=0), rounds=1)
    assert slow.ratio == 4


def figure(**changes: object) -> Figure:
    values = {
        "name": "f",
        "variant": "function",
        "n": 1,
        "clients": 1,
        "baseline": "COPY",
        "ratio": 1.21,
        "calls": 5,
        "median_ms": 50.0,
    }
    return Figure(**(values | changes))  # type: ignore[arg-type]


def test_a_missed_target_is_said_in_words_and_in_json() -> None:
    missed = figure(budget=Budget(50, "one"), ratio_limit=Decimal("1.2"))
    assert missed.verdicts == [
        ("< 50 ms", False),
        ("ten times over", False),
        ("<= 1.2 x COPY", False),
    ]
    as_json = missed.as_json()
    assert (as_json["within_budget"], as_json["within_ratio_limit"]) == (False, False)
    assert (as_json["budget_ms"], as_json["ratio_limit"]) == (50, 1.2)


def test_a_met_target_is_said_too_and_no_target_says_nothing() -> None:
    met = figure(median_ms=49.9, ratio=1.2, budget=Budget(50, ""), ratio_limit=Decimal("1.2"))
    assert met.verdicts == [
        ("< 50 ms", True),
        ("ten times over", False),
        ("<= 1.2 x COPY", True),
    ]
    assert figure().verdicts == []
    assert not {"within_budget", "within_ratio_limit"} & set(figure().as_json())


def test_the_function_is_held_to_the_faster_of_cores_ways() -> None:
    core = [
        figure(variant=f"{way}, from records", median_ms=milliseconds)
        for way, milliseconds in ((CORE_UPSERT, 400.0), (CORE_MANY, 60.0))
    ]
    for milliseconds, is_met in ((24.0, True), (24.1, False)):
        function = figure(variant="function, from records", median_ms=milliseconds)
        [(text, met)] = beside_core(function, [function, *core]).verdicts
        assert met is is_met
        assert text.endswith("(at least 2.5)")
    assert beside_core(core[0], core).verdicts == []
