"""Clients at once: separate processes, whose calls the database must agree with."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.clients import Client, LoadComparison, LoadVariant, compare_under_load
from benchmarks.database import Address, BenchDatabase
from benchmarks.figures import Figure
from benchmarks.network import network
from benchmarks.track_campaign_cost import (
    APPLICATION_CODE,
    ENTRY_ALONE,
    FUNCTION,
    HOT,
    READ_COMMITTED,
    SERIALIZABLE,
    WITH_JITTER,
    hot_campaign,
    judged_hot,
    read_committed_client,
)
from campaigndb.calling.errors import ConflictError
from campaigndb.cli.failures import CommandFailure


def test_costs_of_several_clients_are_all_there(database: BenchDatabase) -> None:
    figures = compare_under_load(
        hot_campaign(database, [1, 3]), database.address, rounds=1, seconds=0.2
    )
    assert [(figure.variant.partition(",")[0], figure.clients) for figure in figures] == [
        (variant, clients)
        for clients in (1, 3)
        for variant in (
            FUNCTION,
            SERIALIZABLE,
            WITH_JITTER,
            READ_COMMITTED,
            APPLICATION_CODE,
            ENTRY_ALONE,
        )
    ]
    # Who waits at the gate repeats nothing.
    assert [figure.retries for figure in figures if FUNCTION in figure.variant] == [0, 0]
    for figure in figures:
        assert figure.lost == 0
        assert (figure.ratio == 1) is (READ_COMMITTED in figure.variant)
        assert figure.retries is not None
        assert figure.retries >= 0
        assert figure.per_second is not None
        assert figure.per_second > 0
        assert figure.median_ms is None
    ((campaigns, unequal),) = database.query(
        "select count(*), count(*) filter (where actual_cost <> (select sum(cost_usd) "
        "from gmaps_api_costs where campaign_id = campaign.id)) from gmaps_campaigns as campaign",
        {},
    )
    # The ledger's entry alone keeps no total.
    assert (campaigns, unequal) == (12, 2)


def test_a_far_database_is_the_same_one_later(database: BenchDatabase) -> None:
    campaign_id = database.new_campaign()
    with (
        network(database.address, 0.02) as far,
        read_committed_client(far, [campaign_id]) as client,
    ):
        client.call()
        start = time.monotonic()
        client.call()
        # BEGIN, two statements, COMMIT; a piece that follows late ones may be a little early.
        assert time.monotonic() - start >= 4 * 0.018
    assert database.query("select count(*) from gmaps_api_costs", {}) == [(2,)]


def test_targets_under_load_say_what_they_came_to() -> None:
    def figure(
        variant: str, clients: int, per_second: float, p99_ms: float, retries: int
    ) -> Figure:
        return Figure(
            "track_campaign_cost", f"{variant}, {HOT}", 1, clients, "b", 1.0, 500,
            per_second=per_second, p99_ms=p99_ms, retries=retries, lost=0,
        )  # fmt: skip

    judged = judged_hot(
        [
            figure(FUNCTION, 1, 1000, 2, 0),
            figure(FUNCTION, 10, 950, 10, 0),
            figure(FUNCTION, 80, 790, 100, 1),
            figure(SERIALIZABLE, 10, 310, 31, 9),
            figure(SERIALIZABLE, 80, 80, 200, 9),
        ]
    )
    assert [each.verdicts for each in judged] == [
        [],
        [
            (">= 0.9 x 1 client: 0.95", True),
            (f">= 3 x {SERIALIZABLE}: 3.06", True),
            ("p99 <= 1/3 of its: 0.32", True),
            ("no retries", True),
        ],
        [
            (">= 0.8 x 1 client: 0.79", False),
            (f">= 10 x {SERIALIZABLE}: 9.88", False),
            ("p99 <= 1/3 of its: 0.50", False),
            ("no retries", False),
        ],
        [],
        [],
    ]


def test_a_ledger_is_filled_for_several_campaigns(database: BenchDatabase) -> None:
    campaign_id = database.new_campaign()
    database.fill_ledger(campaign_id, 1000)
    counts = database.query(
        "select campaign_id, count(*) from gmaps_api_costs group by campaign_id", {}
    )
    assert dict(counts)[campaign_id] == 100
    assert sum(count for _, count in counts) == 1000
    assert len(counts) == 91


def test_a_cost_that_is_missing_ends_the_benchmark(database: BenchDatabase) -> None:
    (honest,) = (each for each in hot_campaign(database, [1]).variants if each.name == FUNCTION)
    forgetful = LoadVariant(FUNCTION, client_that_only_says_so, honest.new_subject, honest.check)
    comparison = LoadComparison("track_campaign_cost", 1, [forgetful], FUNCTION)
    with pytest.raises(CommandFailure, match="the ledger holds 0 costs"):
        compare_under_load(comparison, database.address, rounds=1, seconds=0.05)


def test_calls_that_are_given_up_are_counted_as_lost_and_not_as_done(
    database: BenchDatabase,
) -> None:
    variant = LoadVariant("failing", failing_client, lambda: None, clients=2)
    comparison = LoadComparison("f", 1, [variant], "failing")
    (figure,) = compare_under_load(comparison, database.address, rounds=1, seconds=0.2)
    assert figure.lost
    assert 0.5 < figure.lost / figure.calls < 2


def test_a_client_that_breaks_is_one_line(database: BenchDatabase) -> None:
    variant = LoadVariant("broken", broken_client, lambda: None, clients=2)
    comparison = LoadComparison("f", 1, [variant], "broken")
    with pytest.raises(CommandFailure, match="a client failed: ZeroDivisionError: by zero"):
        compare_under_load(comparison, database.address, rounds=1, seconds=0.2)


def test_a_client_whose_process_is_gone_is_one_line(database: BenchDatabase) -> None:
    variant = LoadVariant("gone", client_that_vanishes, lambda: None, clients=2)
    comparison = LoadComparison("f", 1, [variant], "gone")
    with pytest.raises(CommandFailure, match="ended before its work did"):
        compare_under_load(comparison, database.address, rounds=1, seconds=0.2)


def test_each_client_is_a_process_of_its_own(database: BenchDatabase, tmp_path: Path) -> None:
    variant = LoadVariant("noted", noting_client, lambda: str(tmp_path), clients=4)
    comparison = LoadComparison("f", 1, [variant], "noted")
    compare_under_load(comparison, database.address, rounds=2, seconds=0.05)
    processes = {int(path.name) for path in tmp_path.iterdir()}
    assert len(processes) == 4
    assert os.getpid() not in processes


def test_plain_clients_work_on_the_tables(database: BenchDatabase) -> None:
    campaign_id = database.new_campaign()
    with read_committed_client(database.address, [campaign_id]) as client:
        client.call()
        client.call()
        assert client.transactions() == 2
    assert database.query("select count(*) from gmaps_api_costs", {}) == [(2,)]


@contextmanager
def client_that_only_says_so(_address: Address, _subject: Any) -> Iterator[Client]:
    yield Client(lambda: None, lambda: 0)


@contextmanager
def failing_client(_address: Address, _subject: Any) -> Iterator[Client]:
    """Warms up, then every other call is given up."""
    done = 0

    def call() -> None:
        nonlocal done
        done += 1
        if done > 10 and done % 2:
            raise ConflictError("Resource busy, please retry")

    yield Client(call, lambda: done)


@contextmanager
def broken_client(_address: Address, _subject: Any) -> Iterator[Client]:
    raise ZeroDivisionError("by zero")
    yield


@contextmanager
def client_that_vanishes(_address: Address, _subject: Any) -> Iterator[Client]:
    os._exit(1)
    yield


@contextmanager
def noting_client(_address: Address, folder: str) -> Iterator[Client]:
    (Path(folder) / str(os.getpid())).touch()
    yield Client(lambda: None, lambda: 0)
