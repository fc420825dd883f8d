"""Batches over the same campaigns wait for each other, in whatever order they name them."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL

from campaigndb import CampaignStore, RetryPolicy
from tests.faults.ledger import check_totals, entries
from tests.faults.workers import new_campaigns

ROUNDS = 30
DEADLOCKS = text("select deadlocks from pg_stat_database where datname = current_database()")


@pytest.mark.parametrize("gated", [True, False], ids=["with the gate", "without the gate"])
def test_batches_in_opposite_order_never_deadlock(
    app_url: URL,
    owner_engine: Engine,
    store: CampaignStore,
    caplog: pytest.LogCaptureFixture,
    gated: bool,
) -> None:
    campaign_ids = new_campaigns(store, 12)
    start = threading.Barrier(2)

    def client(order: list[uuid.UUID]) -> None:
        engine = create_engine(app_url)
        own_store = CampaignStore(engine, schema="public")
        costs = [
            {"campaign_id": id_, "service": "bouncer", "items_processed": 1, "cost_usd": "0.01"}
            for id_ in order
        ]
        for _ in range(ROUNDS):
            start.wait(30)
            if gated:
                own_store.track_campaign_costs_batch(costs)
            else:
                # As over HTTP: only the row locks keep the two apart.
                own_store.run_in_transaction(
                    lambda bound: bound.track_campaign_costs_batch(costs),
                    policy=RetryPolicy(attempts=100, first_wait=0.001),
                )
        engine.dispose()

    with (
        caplog.at_level("INFO", logger="campaigndb.calling.transactions"),
        ThreadPoolExecutor(2) as pool,
    ):
        list(pool.map(client, [list(campaign_ids), list(reversed(campaign_ids))]))

    assert "40P01" not in caplog.text
    if gated:
        assert not caplog.records
    with owner_engine.connect() as connection:
        assert connection.scalar(DEADLOCKS) == 0
    assert len(entries(owner_engine)) == 2 * ROUNDS * len(campaign_ids)
    check_totals(owner_engine, campaign_ids)


def test_a_batch_reads_no_campaign_but_its_own(
    store: CampaignStore, app_engine: Engine, owner_engine: Engine
) -> None:
    campaign_ids = new_campaigns(store, 8)
    # With statistics the planner would rather scan a table this small, and SERIALIZABLE would
    # then make the writers of all other campaigns fail.
    with owner_engine.begin() as connection:
        connection.execute(text("analyze"))
    predicate_locks = text(
        "select relation::regclass::text, locktype from pg_locks"
        " where mode = 'SIReadLock' and pid = pg_backend_pid()"
    )
    for number in (1, 2):
        costs = [
            {"campaign_id": id_, "service": "bouncer", "items_processed": 1, "cost_usd": 1}
            for id_ in campaign_ids[:number]
        ]
        with app_engine.connect() as connection:
            connection.execution_options(isolation_level="SERIALIZABLE")
            store.bind(connection).track_campaign_costs_batch(costs * 3)
            locks = connection.execute(predicate_locks).all()
        assert locks.count(("gmaps_campaigns", "tuple")) == number
        assert {kind for _, kind in locks} == {"tuple", "page"}
        assert {table for table, kind in locks if kind == "page"} == {"pk_gmaps_campaigns"}
