"""Tenants on one server: what each costs to create and to upgrade, in the catalogs, in a
connection's memory, and whether costs that are spread over tenants are as fast as over campaigns.

Every figure is that of one tenant, or of all, beside 1, 10, 100 and with `--large` 1,000 of them in
the same database; its ratio to the first one is the growth. The gates of a schema are 64 of its
relations, and are measured apart.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from sqlalchemy import Engine, event, text
from sqlalchemy.engine import URL

from benchmarks.clients import Client, LoadComparison, LoadVariant
from benchmarks.database import Address, BenchDatabase, database_beside
from benchmarks.figures import Figure, median
from benchmarks.run import Bench
from campaigndb import CampaignStore
from campaigndb.cli.failures import CommandFailure
from campaigndb.operations.tenants.lifecycle import create_tenant
from campaigndb.operations.tenants.registry import Tenant, list_tenants, owner_connection
from campaigndb.operations.tenants.upgrades import upgrade_tenants
from campaigndb.operations.worker_processes import ProcessDied, in_processes
from campaigndb.settings import Settings
from campaigndb.tables.cost_gates import GATE_COUNT

NAME = "tenants"
COST = Decimal("0.0025")
CLIENTS = 10
# As many processes as a small machine has cores: more would wait for each other.
JOBS = 2
# The last ones of each number are timed one by one.
TIMED = 5
# After so many calls a connection's plans are as they stay.
CALLS_OF_EACH = 6
_MEGABYTE = 1024 * 1024


def measure(bench: Bench) -> Iterator[Figure]:
    sizes = (1, 2) if bench.quick else (1, 10, 100, *((1_000,) if bench.large else ()))
    yield _gates(bench)
    with database_beside(bench.database) as database:
        tenants = _Tenants(bench, database)
        for size in sizes:
            tenants.grow(size)
        yield from tenants.growth()
        yield from tenants.memory(sizes)
        yield from bench.compare_under_load(
            spread_costs(tenants, sizes, bench.size(CLIENTS, 2)), database.address
        )


@dataclass
class _Measured:
    """One kind of figure for each number of tenants, in milliseconds or megabytes."""

    what: str
    values: dict[int, float]
    calls: dict[int, int]
    is_time: bool = True

    def figures(self) -> Iterator[Figure]:
        first, value_of_first = next(iter(self.values.items()))
        for size, value in self.values.items():
            yield Figure(
                name=NAME,
                variant=_variant(self.what, size),
                n=1,
                clients=1,
                baseline=_variant(self.what, first),
                ratio=value / value_of_first,
                calls=self.calls[size],
                median_ms=value if self.is_time else None,
                megabytes=None if self.is_time else value,
            )


def _variant(what: str, size: int) -> str:
    return f"{what}, {size:,} tenant{'s' if size > 1 else ''}"


@dataclass(frozen=True)
class _Task:
    url: URL
    name: str
    settings: Settings


class _Tenants:
    """A database in which tenants become more and more."""

    def __init__(self, bench: Bench, database: BenchDatabase) -> None:
        self._bench = bench
        self._database = database
        self._settings = Settings(
            _env_file=None, database_url=None, app_role=database.address.app_role, tenant_jobs=JOBS
        )
        self._measured: dict[str, _Measured] = {}
        self._campaigns: dict[tuple[int, int], list[tuple[str, uuid.UUID]]] = {}

    def grow(self, size: int) -> None:
        """Makes tenants until there are so many, and measures all of them."""
        tell, url = self._bench.tell, self._database.address.url
        names = [_name(number) for number in range(len(self._list()), size)]
        timed = names[-TIMED:]
        tell(f"{NAME}: creating {size:,}")
        tasks = [_Task(url, name, self._settings) for name in names[: -len(timed)]]
        for task, done in in_processes(_create, tasks, JOBS, preload="benchmarks.tenants"):
            if isinstance(done, ProcessDied):
                raise CommandFailure(f"the tenant {task.name} was not created: {done}")
        seconds = []
        for name in timed:
            started = time.perf_counter()
            create_tenant(url, name, self._settings)
            seconds.append(time.perf_counter() - started)
        self._note("create one", size, median(seconds) * 1000, len(seconds))
        self._note("catalogs, all", size, self._catalog_megabytes(), 1, is_time=False)

        tell(f"{NAME}: upgrading {size:,}, up to date")
        self._note("upgrade all that are up to date", size, self._upgrade_all(), 1)
        tell(f"{NAME}: upgrading {size:,}, one revision behind")
        self._upgrade_all("-1", down=True)
        milliseconds = self._upgrade_all()
        self._note("upgrade all by one revision", size, milliseconds, 1)
        self._note("upgrade by one revision, each of", size, milliseconds / size, 1)
        self._database.vacuum_catalogs()

    def growth(self) -> Iterator[Figure]:
        for measured in self._measured.values():
            yield from measured.figures()

    def memory(self, sizes: Sequence[int]) -> Iterator[Figure]:
        """What a connection holds after it has worked for so many tenants, one after the other."""
        measured = _Measured("memory of a connection", {}, {}, is_time=False)
        plans = _Measured("of it cached plans", {}, {}, is_time=False)
        campaigns = self.campaigns(sizes[-1], sizes[-1])
        engine = self._database.address.owner_engine(pool_size=1, max_overflow=0)
        try:
            touched = 0
            for size in sizes:
                self._bench.tell(f"{NAME}: a connection that works for {size:,}")
                for schema, campaign_id in campaigns[touched:size]:
                    store = CampaignStore(engine, schema=schema)
                    for _ in range(CALLS_OF_EACH):
                        store.track_campaign_cost(campaign_id, "facebook", 1, COST)
                    place = {"place_id": schema, "name": schema}
                    store.insert_businesses_batch(campaign_id, "00100", [place])
                    store.get_businesses_for_enrichment(campaign_id, "linkedin")
                touched = size
                measured.values[size], plans.values[size] = _backend_megabytes(engine)
                measured.calls[size] = plans.calls[size] = 1
        finally:
            engine.dispose()
        yield from measured.figures()
        yield from plans.figures()

    def campaigns(self, tenants: int, campaigns: int) -> list[tuple[str, uuid.UUID]]:
        """So many campaigns over the first so many tenants, made once."""
        key = (tenants, campaigns)
        if key not in self._campaigns:
            found = []
            for number in range(campaigns):
                schema = _name(number % tenants)
                store = CampaignStore(self._database.app_engine, schema=schema)
                created = store.create_campaign_with_coverage({"name": schema})
                found.append((schema, created.campaign_id))
            self._campaigns[key] = found
        return self._campaigns[key]

    def _list(self) -> list[Tenant]:
        with owner_connection(self._database.address.url, self._settings) as connection:
            return list_tenants(connection, self._settings)

    def _upgrade_all(self, revision: str = "head", *, down: bool = False) -> float:
        """Milliseconds, of looking at them too."""
        started = time.perf_counter()
        for done in upgrade_tenants(
            self._database.address.url,
            self._list(),
            self._settings,
            revision=revision,
            down=down,
        ):
            if done.failure is not None:
                raise CommandFailure(done.line)
        return (time.perf_counter() - started) * 1000

    def _catalog_megabytes(self) -> float:
        [(size,)] = self._database.query(_CATALOG_SIZE, {})
        return float(size) / _MEGABYTE

    def _note(
        self, what: str, size: int, value: float, calls: int, *, is_time: bool = True
    ) -> None:
        measured = self._measured.setdefault(what, _Measured(what, {}, {}, is_time))
        measured.values[size] = value
        measured.calls[size] = calls


_CATALOG_SIZE = """
    select sum(pg_total_relation_size(c.oid))
    from pg_class as c
    where c.relnamespace = 'pg_catalog'::regnamespace and c.relkind = 'r'
"""


def _gates(bench: Bench) -> Figure:
    """The catalogs' growth by one schema's gates: by those of some schemas, divided."""
    schemas = bench.size(50, 1)
    bench.tell(f"{NAME}: the gates of {schemas} schemas")
    with database_beside(bench.database) as database:
        [(before,)] = database.query(_CATALOG_SIZE, {})
        with database.owner_engine.begin() as connection:
            for schema in range(schemas):
                connection.exec_driver_sql(f"create schema gates_{schema}")
                for gate in range(GATE_COUNT):
                    connection.exec_driver_sql(
                        f"create table gates_{schema}.gmaps_cost_gate_{gate:02} ()"
                    )
                    connection.exec_driver_sql(
                        f"alter table gates_{schema}.gmaps_cost_gate_{gate:02}"
                        " enable row level security"
                    )
        [(after,)] = database.query(_CATALOG_SIZE, {})
    megabytes = float(after - before) / schemas / _MEGABYTE
    variant = f"catalogs, of them the {GATE_COUNT} gates of one tenant"
    return Figure(
        name=NAME,
        variant=variant,
        n=1,
        clients=1,
        baseline=variant,
        ratio=1.0,
        calls=schemas,
        megabytes=megabytes,
    )


def spread_costs(tenants: _Tenants, sizes: Sequence[int], clients: int) -> LoadComparison:
    """The same number of campaigns in more and more tenants; each call on one drawn by chance."""
    return LoadComparison(
        name=NAME,
        n=1,
        variants=[
            LoadVariant(
                _variant("costs", size),
                spread_client,
                # One by one: Python looks a name up when the function is called.
                partial(tenants.campaigns, size, sizes[-1]),
                clients=clients,
            )
            for size in sizes
        ],
        baseline=_variant("costs", sizes[0]),
    )


@contextmanager
def spread_client(address: Address, campaigns: list[tuple[str, uuid.UUID]]) -> Iterator[Client]:
    engine = address.app_engine()
    stores = {schema: CampaignStore(engine, schema=schema) for schema, _ in campaigns}
    begun = 0

    @event.listens_for(engine, "checkout")
    def count(*_: object) -> None:
        nonlocal begun
        begun += 1

    def call() -> None:
        schema, campaign_id = random.choice(campaigns)  # noqa: S311
        stores[schema].track_campaign_cost(campaign_id, "facebook", 1, COST)

    try:
        yield Client(call, lambda: begun)
    finally:
        engine.dispose()


def _name(number: int) -> str:
    return f"tenant_{number:04}"


def _create(task: _Task) -> None:
    create_tenant(task.url, task.name, task.settings)


def _backend_megabytes(engine: Engine) -> tuple[float, float]:
    """Of the connection's process: all that it has allocated, and its cached plans of that."""
    query = text("""
        select sum(total_bytes), sum(total_bytes) filter (where name like 'CachedPlan%')
        from pg_backend_memory_contexts
    """)
    with engine.connect() as connection:
        everything, plans = connection.execute(query).one()
        return float(everything) / _MEGABYTE, float(plans) / _MEGABYTE
