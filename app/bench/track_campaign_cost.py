"""Tracking a cost: one call, and many clients at once on one campaign.

Beside the function stand the two statements that a client could send itself: at READ COMMITTED,
and at SERIALIZABLE with the same retries as the store's.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, event, update

from app import CampaignStore
from app.bench.clients import Client, LoadComparison, LoadVariant
from app.bench.database import Address, BenchDatabase
from app.bench.figures import Figure
from app.bench.measurement import FUNCTION, Comparison, Variant
from app.bench.run import Bench
from app.budgets import BUDGETS
from app.calls import IsolationLevel
from app.cli.failures import CommandFailure
from app.retries import COST_POLICY
from app.tables import api_costs, campaigns
from app.transactions import run_in_transaction

NAME = "track_campaign_cost"
COST = Decimal("0.0025")
READ_COMMITTED = "plain SQL (READ COMMITTED)"
SERIALIZABLE = "plain SQL (SERIALIZABLE)"


def measure(bench: Bench) -> Iterator[Figure]:
    database = bench.database
    campaign_id = database.new_campaign()
    yield from bench.compare(
        Comparison(
            name=NAME,
            n=1,
            variants=[
                Variant(FUNCTION, lambda _: _track(database.store, campaign_id)),
                Variant(
                    READ_COMMITTED,
                    lambda _: _plain(database.owner_engine, campaign_id, "READ COMMITTED"),
                ),
            ],
            baseline=READ_COMMITTED,
            calls=5 if bench.quick else 40,
            discarded=2 if bench.quick else 8,
            budget=BUDGETS[NAME],
        )
    )
    for clients in (1, bench.size(10, 2)):
        yield from bench.compare_under_load(hot_campaign(database, clients))


def hot_campaign(database: BenchDatabase, clients: int) -> LoadComparison:
    """All clients on one campaign; afterwards no cost may be missing, or counted twice."""

    def check(campaign_id: Any, calls: int) -> None:
        ((total, costs),) = database.query(
            "select actual_cost, "
            "(select count(*) from gmaps_api_costs where campaign_id = %(campaign_id)s) "
            "from gmaps_campaigns where id = %(campaign_id)s",
            {"campaign_id": campaign_id},
        )
        if (total, costs) != (calls * COST, calls):
            raise CommandFailure(
                f"{calls} costs of {COST} were tracked, but the campaign's total is {total} "
                f"and its ledger holds {costs} costs"
            )

    return LoadComparison(
        name=NAME,
        n=1,
        clients=clients,
        case="hot campaign",
        variants=[
            LoadVariant(FUNCTION, store_client, database.new_campaign, check),
            LoadVariant(READ_COMMITTED, read_committed_client, database.new_campaign, check),
            LoadVariant(SERIALIZABLE, serializable_client, database.new_campaign, check),
        ],
        baseline=READ_COMMITTED,
    )


@contextmanager
def store_client(address: Address, campaign_id: uuid.UUID) -> Iterator[Client]:
    engine = address.app_engine()
    store = CampaignStore(engine, schema=address.schema)
    with _counted(engine) as transactions:
        yield Client(lambda: _track(store, campaign_id), transactions)


def read_committed_client(address: Address, campaign_id: uuid.UUID) -> Any:
    return _plain_client(address, campaign_id, "READ COMMITTED")


def serializable_client(address: Address, campaign_id: uuid.UUID) -> Any:
    return _plain_client(address, campaign_id, "SERIALIZABLE")


@contextmanager
def _plain_client(
    address: Address, campaign_id: uuid.UUID, isolation_level: IsolationLevel
) -> Iterator[Client]:
    engine = address.owner_engine()
    with _counted(engine) as transactions:
        yield Client(lambda: _plain(engine, campaign_id, isolation_level), transactions)


@contextmanager
def _counted(engine: Engine) -> Iterator[Callable[[], int]]:
    """How many transactions were begun: each takes a connection afresh. Closes the engine."""
    begun = 0

    @event.listens_for(engine, "checkout")
    def count(*_connection: object) -> None:
        nonlocal begun
        begun += 1

    try:
        yield lambda: begun
    finally:
        engine.dispose()


def _track(store: CampaignStore, campaign_id: uuid.UUID) -> None:
    store.track_campaign_cost(campaign_id, "google_maps", 1, COST)


def _plain(engine: Engine, campaign_id: uuid.UUID, isolation_level: IsolationLevel) -> None:
    """The ledger's entry and the totals, in two statements."""

    def block(connection: Connection) -> None:
        campaign = campaigns.c
        connection.execute(
            update(campaigns)
            .where(campaign.id == campaign_id)
            .values(
                actual_cost=campaign.actual_cost + COST,
                google_maps_cost=campaign.google_maps_cost + COST,
            )
        )
        connection.execute(
            api_costs.insert().values(
                campaign_id=campaign_id,
                service="google_maps",
                items_processed=1,
                cost_usd=COST,
                metadata={"idempotency_key": str(uuid.uuid4())},
            )
        )

    run_in_transaction(engine, block, isolation_level=isolation_level, policy=COST_POLICY)
