"""Clients at once: separate processes, whose calls the database must agree with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.bench.clients import Client, LoadComparison, LoadVariant, compare_under_load
from app.bench.database import Address, BenchDatabase
from app.bench.track_campaign_cost import (
    FUNCTION,
    READ_COMMITTED,
    SERIALIZABLE,
    hot_campaign,
    read_committed_client,
)
from app.cli.failures import CommandFailure
from app.errors import ConflictError


def test_costs_of_several_clients_are_all_there(database: BenchDatabase) -> None:
    figures = compare_under_load(
        hot_campaign(database, clients=3), database.address, rounds=1, seconds=0.2
    )
    assert [figure.variant.partition(",")[0] for figure in figures] == [
        FUNCTION,
        READ_COMMITTED,
        SERIALIZABLE,
    ]
    # Who waits at the gate repeats nothing.
    assert figures[0].retries == 0
    for figure in figures:
        assert (figure.clients, figure.lost) == (3, 0)
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
    assert (campaigns, unequal) == (3, 0)


def test_a_cost_that_is_missing_ends_the_benchmark(database: BenchDatabase) -> None:
    (honest,) = (each for each in hot_campaign(database, 1).variants if each.name == FUNCTION)
    forgetful = LoadVariant(FUNCTION, client_that_only_says_so, honest.new_subject, honest.check)
    comparison = LoadComparison("track_campaign_cost", 1, 1, [forgetful], FUNCTION)
    with pytest.raises(CommandFailure, match="its ledger holds 0 costs"):
        compare_under_load(comparison, database.address, rounds=1, seconds=0.05)


def test_calls_that_are_given_up_are_counted_as_lost_and_not_as_done(
    database: BenchDatabase,
) -> None:
    variant = LoadVariant("failing", failing_client, lambda: None)
    comparison = LoadComparison("f", 1, 2, [variant], "failing")
    (figure,) = compare_under_load(comparison, database.address, rounds=1, seconds=0.2)
    assert figure.lost
    assert 0.5 < figure.lost / figure.calls < 2


def test_a_client_that_breaks_is_one_line(database: BenchDatabase) -> None:
    variant = LoadVariant("broken", broken_client, lambda: None)
    comparison = LoadComparison("f", 1, 2, [variant], "broken")
    with pytest.raises(CommandFailure, match="a client failed: ZeroDivisionError: by zero"):
        compare_under_load(comparison, database.address, rounds=1, seconds=0.2)


def test_a_client_whose_process_is_gone_is_one_line(database: BenchDatabase) -> None:
    variant = LoadVariant("gone", client_that_vanishes, lambda: None)
    comparison = LoadComparison("f", 1, 2, [variant], "gone")
    with pytest.raises(CommandFailure, match="ended before its work did"):
        compare_under_load(comparison, database.address, rounds=1, seconds=0.2)


def test_each_client_is_a_process_of_its_own(database: BenchDatabase, tmp_path: Path) -> None:
    variant = LoadVariant("noted", noting_client, lambda: str(tmp_path))
    comparison = LoadComparison("f", 1, 4, [variant], "noted")
    compare_under_load(comparison, database.address, rounds=2, seconds=0.05)
    processes = {int(path.name) for path in tmp_path.iterdir()}
    assert len(processes) == 4
    assert os.getpid() not in processes


def test_plain_clients_work_on_the_tables(database: BenchDatabase) -> None:
    campaign_id = database.new_campaign()
    with read_committed_client(database.address, campaign_id) as client:
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
