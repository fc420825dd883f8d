"""A claim with a unit cost reserves it, and claims together never pass the budget."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from sqlalchemy import text

from campaigndb.operations.reconciliation import reconcile
from tests.claims.crew import Task, events, run_crew
from tests.claims.test_one_holder import fill

SPENT_AND_RESERVED = text("""
    select
      campaign.actual_cost,
      coalesce((select sum(reserved_usd) from gmaps_lookups where due_at > now()), 0)
    from gmaps_campaigns as campaign
""")


@pytest.fixture
def budget(raw_call, campaign_id):
    def set_budget(usd):
        return raw_call("update_campaign_budget", p_campaign_id=campaign_id, p_budget_usd=usd)

    return set_budget


def test_claims_hand_out_what_the_budget_affords(claim, places, budget) -> None:
    places(10)
    budget("1.00")
    first = claim("facebook", limit=2, worker="a", unit_cost_usd="0.3")
    assert (len(first["items"]), first["budget_left"]) == (2, Decimal("0.4"))
    second = claim("linkedin", limit=10, worker="b", unit_cost_usd="0.3")
    assert (len(second["items"]), second["budget_left"]) == (1, Decimal("0.1"))
    assert second["budget_exhausted"] is True
    third = claim("verification", limit=10, worker="c", unit_cost_usd="0.3")
    assert (third["items"], third["budget_exhausted"]) == ([], True)
    # What a worker holds it gets again, whatever is left.
    assert len(claim("facebook", limit=2, worker="a", unit_cost_usd="0.3")["items"]) == 2


def test_a_reservation_ends_with_its_lease(
    claim, places, budget, later, raw_call, campaign_id
) -> None:
    places(4)
    budget("1.00")
    claim("facebook", limit=3, worker="a", unit_cost_usd="0.3", lease_seconds=60)
    assert claim("linkedin", limit=3, worker="b", unit_cost_usd="0.3")["items"] == []
    raw_call("release_claims", p_campaign_id=campaign_id, p_worker="a")
    assert len(claim("linkedin", limit=3, worker="b", unit_cost_usd="0.3")["items"]) == 3
    later("1 hour")
    assert len(claim("verification", limit=4, worker="c", unit_cost_usd="0.3")["items"]) == 3


def test_a_cost_over_the_budget_is_recorded_and_ends_the_claims(
    claim, places, budget, store, campaign_id
) -> None:
    places(2)
    budget("1.00")
    assert store.track_campaign_cost(campaign_id, "facebook", 1, "5").new_total == 5
    for options in ({}, {"unit_cost_usd": "0.01"}):
        answer = claim("facebook", **options)
        assert (answer["items"], answer["budget_exhausted"]) == ([], True)
    budget(None)
    assert len(claim("facebook")["items"]) == 2


def test_a_budget_below_what_is_spent_stops_the_claims(
    claim, places, budget, store, campaign_id
) -> None:
    places(2)
    store.track_campaign_cost(campaign_id, "facebook", 1, "5")
    answer = budget("3")
    assert (answer["success"], answer["budget_left"]) == (True, Decimal(-2))
    assert claim("facebook")["items"] == []


@pytest.mark.parametrize("wrong", ["NaN", "-1", "Infinity", "1e30"])
def test_what_is_no_budget_is_refused(budget, nothing_changes, wrong) -> None:
    with nothing_changes():
        answer = budget(wrong)
    assert (answer["success"], answer["error_code"]) == (False, "22023")
    assert "p_budget_usd is not between" in answer["error_detail"]


def test_sixteen_workers_together_keep_to_the_budget(
    app_url, owner_engine, campaign_id, store, budget, tmp_path, rng
) -> None:
    unit = Decimal("0.0307")
    fill(owner_engine, campaign_id, 4000)
    budget("100.00")
    passed = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            with owner_engine.connect() as connection:
                spent, reserved = connection.execute(SPENT_AND_RESERVED).one()
            if spent + reserved > 100:
                passed.append((spent, reserved))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        task = Task(
            app_url, campaign_id, tmp_path, 60, 30, unit_cost_usd=unit, ends_when_empty=True
        )
        run_crew(task, 16, rng)
    finally:
        ended.set()
        watcher.join()
    assert passed == []
    spent = store.update_campaign_budget(campaign_id, "100.00").spent
    assert 100 - unit < spent <= 100
    finished = sum(len(e["items"]) for e in events(tmp_path) if e["event"] == "finished")
    # Each batch's cost is rounded once, to the ledger's four decimals.
    assert spent == finished * unit
    assert reconcile(owner_engine, "public").discrepancy == 0
