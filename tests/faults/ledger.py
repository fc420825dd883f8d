"""What must be true of the ledger and of the database after any fault."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, select, text

from campaigndb.tables import api_costs, campaigns
from campaigndb.tables.campaigns import SERVICE_COST_COLUMNS
from tests.faults.workers import Cost, Records


def entries(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(select(api_costs)))


def check_totals(engine: Engine, campaign_ids: Iterable[uuid.UUID]) -> None:
    """Every total is the exact sum of its ledger entries, and so was each running total."""
    ledger = entries(engine)
    with engine.connect() as connection:
        totals = {row.id: row for row in connection.execute(select(campaigns))}
    for campaign_id in campaign_ids:
        of_campaign = [entry for entry in ledger if entry.campaign_id == campaign_id]
        assert totals[campaign_id].actual_cost == sum(entry.cost_usd for entry in of_campaign)
        for service, column in SERVICE_COST_COLUMNS.items():
            assert getattr(totals[campaign_id], column) == sum(
                entry.cost_usd for entry in of_campaign if entry.service == service
            ), (campaign_id, service)
        running = Decimal(0)
        for entry in sorted(of_campaign, key=lambda entry: entry.running_total):
            running += entry.cost_usd
            assert entry.running_total == running, "two entries started from the same total"


def check_ledger(engine: Engine, records: Records) -> None:
    """Every acknowledged cost is there once, no cost twice, no failed or unknown one at all."""
    ledger = entries(engine)
    by_key = {
        entry.metadata["idempotency_key"]: Cost(entry.campaign_id, entry.service, entry.cost_usd)
        for entry in ledger
    }
    assert len(by_key) == len(ledger), "a cost is in the ledger twice"
    lost = records.acknowledged.keys() - by_key.keys()
    assert not lost, f"{len(lost)} acknowledged costs are not in the ledger"
    assert by_key.items() <= records.begun.items(), "the ledger has costs that nobody tracked"
    # A lost connection leaves the outcome unknown; every other failure says: nothing was written.
    refused = {
        key for key, (name, _) in records.failed.items() if name != "DatabaseConnectionError"
    }
    assert not refused & by_key.keys(), "a cost that failed is in the ledger"
    check_totals(engine, {cost.campaign_id for cost in records.begun.values()})


def check_nothing_is_left(engine: Engine, role: str, timeout: float = 20) -> None:
    """No transaction of the role is open and none of its locks is held, at the latest soon."""
    deadline = time.monotonic() + timeout
    query = text(
        "select activity.pid, activity.state, activity.wait_event, activity.query,"
        "   (select count(*) from pg_locks as lock where lock.pid = activity.pid) as locks"
        " from pg_stat_activity as activity"
        " where activity.datname = current_database() and activity.usename = :role"
        "   and (activity.state <> 'idle'"
        "     or exists (select from pg_locks as lock where lock.pid = activity.pid))"
    )
    while True:
        with engine.connect() as connection:
            left = connection.execute(query, {"role": role}).all()
        if not left:
            return
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def check_aftermath(engine: Engine, records: Records, role: str) -> None:
    """All of the above."""
    check_nothing_is_left(engine, role)
    check_ledger(engine, records)
