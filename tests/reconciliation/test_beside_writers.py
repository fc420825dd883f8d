"""Ten processes write costs: comparing finds nothing and blocks nobody, repairing loses nothing."""

import random
import uuid
from collections import Counter
from decimal import Decimal
from pathlib import Path

from sqlalchemy import Engine, select, text
from sqlalchemy.engine import URL

from campaigndb import CampaignStore
from campaigndb.operations.owner_reading import reading_tables
from campaigndb.operations.reconciliation import Repair, reconcile, repair
from campaigndb.tables import campaigns, cost_repairs
from campaigndb.tables.campaigns import COST_TOTALS
from tests.faults.ledger import check_ledger, entries
from tests.faults.workers import Work, Workers, mixed_workers, new_campaigns

ROUNDS = 25


def ten_writers(tmp_path: Path, app_url: URL, campaign_ids: tuple[uuid.UUID, ...]) -> Workers:
    mix = {"cost": 4, "batch": 1, "statistics": 1}
    work = Work(app_url, campaign_ids, clients=1, mix=mix)
    return Workers(tmp_path, random.Random(), *mixed_workers(10, work))


def test_comparing_in_a_loop_finds_no_discrepancy(
    tmp_path: Path, app_url: URL, owner_engine: Engine, store: CampaignStore
) -> None:
    with ten_writers(tmp_path, app_url, new_campaigns(store, 3)) as workers:
        found = []
        for _ in range(ROUNDS):
            found.append(reconcile(owner_engine, "public"))
            # Nobody was stopped by it.
            workers.wait_for_acknowledged(10)
        records = workers.finish()

    assert [each.discrepancies for each in found] == [()] * ROUNDS
    assert found[0].costs < found[-1].costs
    assert not records.failed
    assert not records.other_failures
    check_ledger(owner_engine, records)


def test_writers_go_on_while_it_reads(
    owner_engine: Engine, store: CampaignStore, campaign_id: uuid.UUID
) -> None:
    with reading_tables(owner_engine, "public") as reader:
        assert reader.scalar(select(campaigns.c.actual_cost)) == 0
        assert store.track_campaign_cost(campaign_id, "facebook", 1, 1).new_total == 1


def test_repairing_loses_no_cost_and_repairs_exactly_what_was_broken(
    tmp_path: Path, app_url: URL, owner_engine: Engine, store: CampaignStore
) -> None:
    campaign_ids = new_campaigns(store, 3)
    chance = random.Random(11)
    broken: Counter[tuple[uuid.UUID, str, Decimal]] = Counter()
    repairs: list[Repair] = []
    with ten_writers(tmp_path, app_url, campaign_ids) as workers:
        for _ in range(ROUNDS):
            workers.wait_for_acknowledged(10)
            # Nothing is off: nothing may be found or repaired.
            assert list(repair(owner_engine, reconcile(owner_engine, "public"), "public")) == []

            campaign_id, column = chance.choice(campaign_ids), chance.choice(COST_TOTALS)
            error = Decimal(chance.randint(1, 99_999)) / 10_000
            with owner_engine.begin() as connection:
                connection.execute(
                    text(f"update gmaps_campaigns set {column} = {column} + :error where id = :id"),
                    {"error": error, "id": campaign_id},
                )
            broken[campaign_id, column, error] += 1
            workers.wait_for_acknowledged(5)
            repairs += repair(owner_engine, reconcile(owner_engine, "public"), "public")
        records = workers.finish()

    assert not records.failed
    assert not records.other_failures
    as_broken = Counter(
        (each.campaign_id, each.total, each.amount_before - each.amount_after) for each in repairs
    )
    assert as_broken == broken
    with owner_engine.connect() as connection:
        written = list(connection.execute(select(cost_repairs)))
    assert Counter(
        (each.campaign_id, each.total, each.amount_before, each.amount_after) for each in written
    ) == Counter(
        (each.campaign_id, each.total, each.amount_before, each.amount_after) for each in repairs
    )
    # Not `check_ledger`: running totals of the time between are off as the total was.
    keys = [entry.metadata["idempotency_key"] for entry in entries(owner_engine)]
    assert len(set(keys)) == len(keys)
    assert set(keys) == records.acknowledged.keys()
    last = reconcile(owner_engine, "public")
    assert (last.costs, last.discrepancies) == (len(keys), ())
