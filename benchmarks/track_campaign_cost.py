"""Tracking a cost: many clients at once on one campaign and on many, near and far, and a ledger
that grows.

Beside the function, which waits at its campaign's gate and is one message, stand the same function
in a plain SERIALIZABLE transaction, tried again at once until it succeeds, and again with the waits
that callers have who cannot take the gate (full jitter); the two statements that an
application could send itself at READ COMMITTED, with neither key nor history of totals; the
application code, which does all that the function does, under an advisory lock; and the ledger's
entry alone, which keeps no total.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, event, update

from benchmarks.clients import Client, LoadComparison, LoadVariant
from benchmarks.database import Address, BenchDatabase, database_beside
from benchmarks.figures import Figure, Target
from benchmarks.measurement import FUNCTION, Comparison, Variant
from benchmarks.network import ROUND_TRIP_SECONDS, network
from benchmarks.run import Bench
from campaigndb import CampaignStore
from campaigndb.calling.catalogue import BUDGETS
from campaigndb.calling.methods import StoredFunctions
from campaigndb.calling.retries import COST_POLICY, RetryPolicy
from campaigndb.calling.transactions import run_in_transaction
from campaigndb.cli.failures import CommandFailure
from campaigndb.tables import api_costs, campaigns
from examples.application_logic import ApplicationLogic

NAME = "track_campaign_cost"
COST = Decimal("0.0025")
SERIALIZABLE = "plain SERIALIZABLE (tried again at once)"
WITH_JITTER = "plain SERIALIZABLE (full jitter)"
READ_COMMITTED = "plain SQL (READ COMMITTED)"
APPLICATION_CODE = "application code (advisory lock)"
ENTRY_ALONE = "the ledger's entry alone"
EMPTY_LEDGER = "function, empty ledger"

HOT, SPREAD = "hot campaign", "1,000 campaigns"
SPREAD_FAR = f"{SPREAD}, 1 ms away"
NEAR, FAR = "hot campaign, near", "hot campaign, 1 ms away"
FEW, CROWD, LARGE_CROWD = 10, 80, 100
CAMPAIGNS = 1_000
LARGE_LEDGER = 10_000_000
AT_ONCE = replace(COST_POLICY, attempts=1_000_000, first_wait=0.0, longest_wait=0.0)
# The most that a call may take on the large ledger, as a multiple of one on an empty ledger.
GROWTH_LIMIT = Decimal("1.2")


def measure(bench: Bench) -> Iterator[Figure]:
    database = bench.database
    campaign_id = database.new_campaign()
    yield from bench.compare(
        Comparison(
            name=NAME,
            n=1,
            variants=[
                Variant(FUNCTION, lambda _: _track(database.store, campaign_id)),
                Variant(READ_COMMITTED, lambda _: _plain(database.owner_engine, campaign_id)),
            ],
            baseline=READ_COMMITTED,
            calls=5 if bench.quick else 40,
            discarded=2 if bench.quick else 8,
            budget=BUDGETS[NAME],
        )
    )
    few = bench.size(FEW, 2)
    everywhere = (few,) if bench.quick else (1, FEW, LARGE_CROWD)
    hot_updates = database.hot_updates(campaigns)
    hot = list(
        bench.compare_under_load(
            hot_campaign(database, (1, few) if bench.quick else (1, FEW, CROWD, LARGE_CROWD))
        )
    )
    # Of all ways together: each updates the campaign's row.
    hot[0] = replace(hot[0], hot_updates=hot_updates())
    yield from hot if bench.quick else judged_hot(hot)
    with (
        network(database.address, 0) as near,
        network(database.address, ROUND_TRIP_SECONDS) as far,
    ):
        both = over_networks(database, ((NEAR, near, (few,)), (FAR, far, (few,))), times=3)
        distant = bench.compare_under_load(both)
        yield from distant if bench.quick else judged_distant(list(distant))
        others = [clients for clients in everywhere if clients != few]
        if others:
            yield from bench.compare_under_load(over_networks(database, ((FAR, far, others),)))
        spread = bench.compare_under_load(
            many_campaigns(
                database,
                ((SPREAD, database.address), (SPREAD_FAR, far)),
                everywhere,
                bench.size(CAMPAIGNS, 5),
            )
        )
        yield from spread if bench.quick else judged_spread(list(spread))
    yield from _growing_ledger(bench)


def hot_campaign(database: BenchDatabase, numbers_of_clients: Sequence[int]) -> LoadComparison:
    """All clients on one campaign; afterwards no cost may be missing, or counted twice."""
    return LoadComparison(
        name=NAME,
        n=1,
        variants=[
            LoadVariant(name, client, lambda: [database.new_campaign()], check, clients, HOT)
            for clients in numbers_of_clients
            for name, client, check in _ways(database, crowded=True)
        ],
        baseline=READ_COMMITTED,
    )


def over_networks(
    database: BenchDatabase,
    distances: Sequence[tuple[str, Address, Sequence[int]]],
    times: int = 1,
) -> LoadComparison:
    """One campaign again; the near one is as much work for the machine as the far one."""
    return LoadComparison(
        name=NAME,
        n=1,
        variants=[
            LoadVariant(
                name, client, lambda: [database.new_campaign()], check, clients, case, address
            )
            for case, address, numbers_of_clients in distances
            for clients in numbers_of_clients
            for name, client, check in _ways(database, crowded=True)
        ],
        baseline=READ_COMMITTED,
        times=times,
    )


def many_campaigns(
    database: BenchDatabase,
    distances: Sequence[tuple[str, Address]],
    numbers_of_clients: Sequence[int],
    number: int,
) -> LoadComparison:
    """Each call on a campaign drawn by chance."""
    return LoadComparison(
        name=NAME,
        n=1,
        variants=[
            LoadVariant(
                name,
                client,
                lambda: database.new_campaigns(number),
                check,
                clients,
                case,
                address,
            )
            for case, address in distances
            for clients in numbers_of_clients
            for name, client, check in _ways(database, crowded=False)
        ],
        baseline=READ_COMMITTED,
    )


def _ways(
    database: BenchDatabase, *, crowded: bool
) -> list[tuple[str, Callable[..., Any], Callable[[Any, int], None]]]:
    """What is compared, with how it is checked: all but one keep every total.

    Where campaigns are many there is next to nothing to try again, and one way of it will do.
    """
    exact = _exact(database)
    ways: list[tuple[str, Callable[..., Any], Callable[[Any, int], None]]] = [
        (FUNCTION, store_client, exact),
        (SERIALIZABLE, serializable_client, exact),
        (READ_COMMITTED, read_committed_client, exact),
        (APPLICATION_CODE, application_client, exact),
        (ENTRY_ALONE, entry_client, lambda _subject, _calls: None),
    ]
    if crowded:
        ways.insert(2, (WITH_JITTER, jitter_client, exact))
    return ways


def judged_hot(figures: list[Figure]) -> list[Figure]:
    alone, few, crowd = (_of(figures, FUNCTION, HOT, clients) for clients in (1, FEW, CROWD))
    ungated_few, ungated_crowd = (
        _of(figures, SERIALIZABLE, HOT, clients) for clients in (FEW, CROWD)
    )
    return _judged(
        figures,
        {
            id(few): [
                _at_least("0.9", few, alone, "1 client"),
                _at_least("3", few, ungated_few, SERIALIZABLE),
                _p99_at_most_a_third(few, ungated_few),
                _no_retries(few),
            ],
            id(crowd): [
                _at_least("0.8", crowd, alone, "1 client"),
                _at_least("10", crowd, ungated_crowd, SERIALIZABLE),
                _p99_at_most_a_third(crowd, ungated_crowd),
                _no_retries(crowd),
            ],
        },
    )


def judged_distant(figures: list[Figure]) -> list[Figure]:
    far = _of(figures, FUNCTION, FAR, FEW)
    return _judged(
        figures,
        {
            id(far): [
                _at_least("0.9", far, _of(figures, FUNCTION, NEAR, FEW), "near"),
                _at_least("9", far, _of(figures, SERIALIZABLE, FAR, FEW), SERIALIZABLE),
                _no_retries(far),
            ]
        },
    )


def judged_spread(figures: list[Figure]) -> list[Figure]:
    function = _of(figures, FUNCTION, SPREAD, FEW)
    baseline = _of(figures, READ_COMMITTED, SPREAD, FEW)
    return _judged(figures, {id(function): [_at_least("0.9", function, baseline, READ_COMMITTED)]})


def _of(figures: list[Figure], variant: str, case: str, clients: int) -> Figure:
    (found,) = (
        each for each in figures if (each.variant, each.clients) == (f"{variant}, {case}", clients)
    )
    return found


def _judged(figures: list[Figure], targets: dict[int, list[Target]]) -> list[Figure]:
    return [replace(each, targets=tuple(targets.get(id(each), ()))) for each in figures]


def _at_least(limit: str, figure: Figure, other: Figure, name: str) -> Target:
    assert figure.per_second is not None
    assert other.per_second is not None
    ratio = figure.per_second / other.per_second
    return Target(f">= {limit} x {name}: {ratio:.2f}", ratio >= float(limit))


def _p99_at_most_a_third(figure: Figure, other: Figure) -> Target:
    if figure.p99_ms is None or other.p99_ms is None:
        return Target("p99 <= 1/3 of the same: too few calls to tell", False)
    ratio = figure.p99_ms / other.p99_ms
    return Target(f"p99 <= 1/3 of its: {ratio:.2f}", ratio <= 1 / 3)


def _no_retries(figure: Figure) -> Target:
    return Target("no retries", (figure.retries, figure.lost) == (0, 0))


def _growing_ledger(bench: Bench) -> Iterator[Figure]:
    """A call on a ledger that is empty, beside one on a ledger that is not."""
    entries = LARGE_LEDGER if bench.large else bench.size(1_000_000, 1_000)
    with database_beside(bench.database) as empty:
        few_entries = empty.new_campaign()
        many_entries = bench.database.new_campaign()
        bench.tell(f"{entries:,} costs that are already there")
        bench.database.fill_ledger(many_entries, entries)
        yield from bench.compare(
            Comparison(
                name=NAME,
                n=1,
                case=f"{entries:,} entries",
                variants=[
                    Variant(FUNCTION, lambda _: _track(bench.database.store, many_entries)),
                    Variant(EMPTY_LEDGER, lambda _: _track(empty.store, few_entries)),
                ],
                baseline=EMPTY_LEDGER,
                calls=5 if bench.quick else 200,
                discarded=2 if bench.quick else 20,
                ratio_limit=GROWTH_LIMIT if entries == LARGE_LEDGER else None,
            )
        )


def _exact(database: BenchDatabase) -> Callable[[Any, int], None]:
    """Whether the campaigns' totals and ledger hold so many calls' costs, and no other."""

    def check(campaign_ids: list[uuid.UUID], calls: int) -> None:
        ((total, entries, unequal),) = database.query(
            "select sum(campaign.actual_cost), coalesce(sum(ledger.entries), 0), "
            "count(*) filter (where campaign.actual_cost <> coalesce(ledger.cost, 0)) "
            "from gmaps_campaigns as campaign left join lateral ("
            "select count(*) as entries, sum(cost_usd) as cost from gmaps_api_costs as cost "
            "where cost.campaign_id = campaign.id) as ledger on true "
            "where campaign.id = any (%(campaign_ids)s)",
            {"campaign_ids": campaign_ids},
        )
        if (total, entries, unequal) != (calls * COST, calls, 0):
            raise CommandFailure(
                f"{calls} costs of {COST} were tracked, but the campaigns' totals are {total} "
                f"and the ledger holds {entries} costs; {unequal} totals differ from their ledger"
            )

    return check


@contextmanager
def store_client(address: Address, campaign_ids: list[uuid.UUID]) -> Iterator[Client]:
    engine = address.app_engine()
    store = CampaignStore(engine, schema=address.schema)
    with _counted(engine) as transactions:
        yield Client(lambda: _track(store, random.choice(campaign_ids)), transactions)  # noqa: S311


def serializable_client(address: Address, campaign_ids: list[uuid.UUID]) -> Any:
    return _ungated_client(address, campaign_ids, AT_ONCE)


def jitter_client(address: Address, campaign_ids: list[uuid.UUID]) -> Any:
    return _ungated_client(address, campaign_ids, COST_POLICY)


@contextmanager
def _ungated_client(
    address: Address, campaign_ids: list[uuid.UUID], policy: RetryPolicy
) -> Iterator[Client]:
    engine = address.app_engine()
    store = CampaignStore(engine, schema=address.schema)

    def call() -> None:
        campaign_id = random.choice(campaign_ids)  # noqa: S311
        # No campaign is named beforehand, so there is no gate to wait at.
        store.run_in_transaction(
            lambda bound: bound.track_campaign_cost(campaign_id, "google_maps", 1, COST),
            policy=policy,
        )

    with _counted(engine) as transactions:
        yield Client(call, transactions)


def read_committed_client(address: Address, campaign_ids: list[uuid.UUID]) -> Any:
    return _plain_client(address, campaign_ids, _plain)


@contextmanager
def application_client(address: Address, campaign_ids: list[uuid.UUID]) -> Iterator[Client]:
    engine = address.owner_engine()
    store = ApplicationLogic(engine, schema=address.schema)
    with _counted(engine) as transactions:
        yield Client(lambda: _track(store, random.choice(campaign_ids)), transactions)  # noqa: S311


def entry_client(address: Address, campaign_ids: list[uuid.UUID]) -> Any:
    return _plain_client(address, campaign_ids, _entry_alone)


@contextmanager
def _plain_client(
    address: Address, campaign_ids: list[uuid.UUID], work: Callable[[Engine, uuid.UUID], None]
) -> Iterator[Client]:
    engine = address.owner_engine()
    with _counted(engine) as transactions:
        yield Client(lambda: work(engine, random.choice(campaign_ids)), transactions)  # noqa: S311


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


def _track(store: StoredFunctions | ApplicationLogic, campaign_id: uuid.UUID) -> None:
    store.track_campaign_cost(campaign_id, "google_maps", 1, COST)


def _plain(engine: Engine, campaign_id: uuid.UUID) -> None:
    """The ledger's entry and the totals, in two statements; the row is locked by the last."""

    def block(connection: Connection) -> None:
        connection.execute(api_costs.insert().values(_entry(campaign_id)))
        campaign = campaigns.c
        connection.execute(
            update(campaigns)
            .where(campaign.id == campaign_id)
            .values(
                actual_cost=campaign.actual_cost + COST,
                google_maps_cost=campaign.google_maps_cost + COST,
            )
        )

    run_in_transaction(engine, block, isolation_level="READ COMMITTED", policy=COST_POLICY)


def _entry_alone(engine: Engine, campaign_id: uuid.UUID) -> None:
    run_in_transaction(
        engine,
        lambda connection: connection.execute(api_costs.insert().values(_entry(campaign_id))),
        isolation_level="READ COMMITTED",
        policy=COST_POLICY,
    )


def _entry(campaign_id: uuid.UUID) -> dict[str, Any]:
    return {
        "campaign_id": campaign_id,
        "service": "google_maps",
        "items_processed": 1,
        "cost_usd": COST,
        "metadata": {"idempotency_key": str(uuid.uuid4())},
    }
