"""Calls against their budgets, from either view that counts them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL

from campaigndb import CampaignStore
from campaigndb.calling.catalogue import BUDGETS
from campaigndb.operations.monitoring import FunctionStatistics, Statistics, read_statistics

CALLS = 6
Read = Callable[..., Statistics]


def _of(statistics: Statistics, function: str) -> FunctionStatistics:
    [found] = [each for each in statistics.functions if each.function == function]
    return found


def test_calls_means_and_a_bound_of_the_95th_percentile(
    read: Read,
    owner_engine: Engine,
    app_engine: Engine,
    database_url: URL,
    store: CampaignStore,
    campaign_id: uuid.UUID,
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text("create schema monitoring"))
        connection.execute(text("create extension pg_stat_statements schema monitoring"))
        # It is no call: only selects are.
        connection.execute(text("comment on function track_campaign_cost is 'cost'"))
    for _ in range(CALLS):
        store.track_campaign_cost(campaign_id, "facebook", 1, "0.01")
    app_engine.dispose()  # a session that ends adds up what it counted

    found = read(lambda found: _of(found, "track_campaign_cost").calls == CALLS)

    assert [each.function for each in found.functions] == list(BUDGETS)
    cost = _of(found, "track_campaign_cost")
    assert cost.source == "pg_stat_user_functions"
    assert cost.within_budget
    assert cost.mean_seconds is not None
    assert cost.longest is not None
    assert cost.p95_at_most is not None
    assert 0 < cost.mean_seconds < cost.budget_seconds
    assert 0 < cost.p95_at_most <= cost.longest
    never_called = _of(found, "update_coverage_status")
    assert (never_called.calls, never_called.within_budget) == (None, None)
    assert found.tracks_functions
    assert found.tracks_statements

    # The other view alone, where a role's functions are not tracked from the start.
    with owner_engine.begin() as connection:
        connection.execute(text("select pg_stat_reset()"))
    untracked = create_engine(
        database_url, connect_args={"options": "-c track_functions=none -c track_counts=off"}
    )
    found = read_statistics(untracked, "public")
    untracked.dispose()
    cost = _of(found, "track_campaign_cost")
    assert (cost.source, cost.calls) == ("pg_stat_statements", CALLS)
    notes = " ".join(found.notes)
    assert "alter system set track_functions = 'pl'" in notes
    assert "alter system set track_counts = on" in notes


def test_without_the_extension_it_is_said_how_to_have_it(read: Read) -> None:
    found = read()
    assert all(each.p95_at_most is None for each in found.functions)
    assert any("create extension pg_stat_statements" in note for note in found.notes)
    assert any("serialization failures and retries" in note for note in found.notes)


def test_calls_that_took_no_time_have_a_mean() -> None:
    budget = BUDGETS["track_campaign_cost"]
    counted = FunctionStatistics(
        function="track_campaign_cost", budget=budget, calls=3, total_seconds=0.0
    )
    assert (counted.mean_seconds, counted.within_budget) == (0.0, True)
    for unknown in (
        FunctionStatistics(function="track_campaign_cost", budget=budget),
        replace(counted, calls=0),
    ):
        assert (unknown.mean_seconds, unknown.within_budget) == (None, None)
