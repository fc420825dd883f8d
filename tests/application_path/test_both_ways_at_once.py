"""Half of the calls one way, half the other, on the same campaigns at the same moment."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL

from app import CampaignStore
from app.application_path import ApplicationPath
from app.reconciliation import reconcile
from app.stored_functions import StoredFunctions
from app.tables import api_costs, businesses, campaigns, facebook_enrichments
from app.tables.campaigns import SERVICE_COST_COLUMNS
from tests.faults.ledger import check_totals

WORKERS = 8
SERVICES = tuple(SERVICE_COST_COLUMNS)

Rows = Callable[..., list[Any]]


class Both:
    """Workers with a connection of their own for each way."""

    def __init__(self, owner_url: URL, app_url: URL) -> None:
        options = {"pool_size": WORKERS, "max_overflow": 0}
        self._engines = create_engine(app_url, **options), create_engine(owner_url, **options)
        self.ways: tuple[StoredFunctions, ...] = (
            CampaignStore(self._engines[0], schema="public"),
            ApplicationPath(self._engines[1], schema="public"),
        )

    def work(self, job: Callable[[int, random.Random, StoredFunctions], Any]) -> list[Any]:
        """What each worker's job returned; half of the workers begin with each way."""
        begin = threading.Barrier(WORKERS)

        def one(number: int) -> Any:
            begin.wait()
            return job(number, random.Random(number), self.ways[number % 2])

        with ThreadPoolExecutor(WORKERS) as pool:
            return list(pool.map(one, range(WORKERS)))

    def dispose(self) -> None:
        for engine in self._engines:
            engine.dispose()


@pytest.fixture
def both(database_url: URL, app_url: URL, owner_engine: Engine) -> Any:
    workers = Both(database_url, app_url)
    before = deadlocks(owner_engine)
    yield workers
    workers.dispose()
    assert deadlocks(owner_engine) == before


def deadlocks(engine: Engine) -> int:
    with engine.connect() as connection:
        query = "select deadlocks from pg_stat_database where datname = current_database()"
        return int(connection.execute(text(query)).scalar_one())


def exact(engine: Engine, campaign_ids: Sequence[uuid.UUID]) -> None:
    check_totals(engine, campaign_ids)
    assert reconcile(engine, "public").discrepancies == ()


def test_costs_of_both_ways_add_up(
    both: Both, campaign_id: uuid.UUID, other_campaign_id: uuid.UUID, owner_engine: Engine
) -> None:
    def track(number: int, chance: random.Random, _way: StoredFunctions) -> Decimal:
        spent = Decimal(0)
        for step in range(12):
            way = both.ways[chance.randrange(2)]
            amounts = [Decimal(chance.randrange(1, 10**6)) / 10_000 for _ in range(3)]
            if step % 3:
                way.track_campaign_cost(campaign_id, SERVICES[number % 4], step, amounts[0])
                spent += amounts[0]
            else:
                way.track_campaign_costs_batch(
                    {
                        "campaign_id": chance.choice((campaign_id, other_campaign_id)),
                        "service": chance.choice(SERVICES),
                        "items_processed": 1,
                        "cost_usd": amount,
                    }
                    for amount in amounts
                )
                spent += sum(amounts)
        return spent

    spent = sum(both.work(track))
    exact(owner_engine, [campaign_id, other_campaign_id])
    with owner_engine.connect() as connection:
        query = text("select sum(actual_cost) from gmaps_campaigns")
        assert connection.execute(query).scalar_one() == spent


def test_one_key_is_charged_once_whichever_way(
    both: Both, campaign_id: uuid.UUID, owner_engine: Engine, rows: Rows
) -> None:
    def track(number: int, _chance: random.Random, way: StoredFunctions) -> Any:
        metadata = {"idempotency_key": "the same", "job": 1}
        if number < WORKERS // 2:
            return way.track_campaign_cost(campaign_id, "bouncer", 1, "0.1", metadata)
        cost = {"campaign_id": campaign_id, "service": "bouncer", "items_processed": 1}
        costs = [{**cost, "cost_usd": "0.10", "metadata": metadata | {"job": 1.0}}]
        return way.track_campaign_costs_batch(costs).costs[0]

    tracked = both.work(track)
    [entry] = rows(api_costs)
    assert {(one.cost_id, one.new_total) for one in tracked} == {(entry.id, Decimal("0.1"))}
    assert sorted(one.replayed for one in tracked) == [False] + [True] * (WORKERS - 1)
    exact(owner_engine, [campaign_id])


def test_batches_enrichments_statistics_and_costs_at_once(
    both: Both, campaign_id: uuid.UUID, owner_engine: Engine, rows: Rows, row: Callable[..., Any]
) -> None:
    # Names that sort otherwise by code point than by most collations.
    places = [f"{letter}{n}" for n in range(10) for letter in "aBcäZ_"]
    first = [{"place_id": place, "name": "x"} for place in places[: len(places) // 2]]
    both.ways[0].insert_businesses_batch(campaign_id, "00100", first)
    ids = [business.id for business in rows(businesses)]

    def everything(number: int, chance: random.Random, _way: StoredFunctions) -> int:
        enriched = 0
        for step in range(8):
            way = both.ways[chance.randrange(2)]
            some = chance.sample(places, len(places) // 2)
            records = [{"place_id": p, "name": "x", "city": f"{number}-{step}"} for p in some]
            way.insert_businesses_batch(campaign_id, "00100", records)
            mine = chance.sample(ids, len(ids) // 2)
            email = f"{number}-{step}@hall.fi"
            items = [{"business_id": id_, "primary_email": email} for id_ in mine]
            way.update_enrichment_batch("facebook", items)
            enriched += len(mine)
            way.update_campaign_statistics(campaign_id)
            way.update_coverage_status(campaign_id, "00100", step, step, "0.5")
            way.track_campaign_cost(campaign_id, "facebook", len(mine), "0.0123")
        return enriched

    enriched = sum(both.work(everything))
    stored = rows(businesses)
    assert sorted(business.place_id for business in stored) == sorted(places)
    assert sum(business.enrichment_attempts for business in stored) == enriched
    emails = {e.business_id: e.primary_email for e in rows(facebook_enrichments)}
    assert {b.id: b.email for b in stored if b.email is not None} == emails
    counted = both.ways[1].update_campaign_statistics(campaign_id)
    assert (counted.total_businesses, counted.total_emails) == (len(places), len(emails))
    assert row(campaigns, id=campaign_id).total_emails_found == len(emails)
    exact(owner_engine, [campaign_id])
    assert row(campaigns, id=campaign_id).actual_cost == WORKERS * 8 * Decimal("0.0123")
