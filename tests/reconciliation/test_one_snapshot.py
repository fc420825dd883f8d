"""Reconciling beside writers: each cost is in the ledger and in the totals at the same moment."""

import threading
import uuid

from sqlalchemy import Engine

from campaigndb import CampaignStore
from campaigndb.operations.reconciliation import reconcile


def test_costs_that_are_tracked_meanwhile_are_no_discrepancy(
    store: CampaignStore, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    enough = threading.Event()
    tracked = 0

    def track() -> None:
        nonlocal tracked
        while not enough.is_set():
            store.track_campaign_cost(campaign_id, "bouncer", 1, "0.0001")
            tracked += 1

    writers = [threading.Thread(target=track) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        found = [reconcile(owner_engine, "public") for _ in range(50)]
    finally:
        enough.set()
        for writer in writers:
            writer.join(timeout=30)

    assert [reconciliation.discrepancies for reconciliation in found] == [()] * len(found)
    # Writers were at work between the first look and the last.
    assert found[0].costs < found[-1].costs
    assert reconcile(owner_engine, "public").costs >= tracked > 0
