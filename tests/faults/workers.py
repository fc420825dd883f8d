"""Worker processes that call the stored functions and write down what they were told.

A worker is a real process with an engine of its own. Whatever it begins, and whatever is
acknowledged, it first writes to a file that outlives a SIGKILL, and only then goes on.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import os
import random
import threading
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine

from campaigndb import (
    AsyncCampaignStore,
    CampaignStore,
    RetryPolicy,
    StoredFunctionError,
)
from campaigndb.calling import gate
from campaigndb.calling.retries import NO_RETRY
from campaigndb.tables.metadata import SERVICES
from tests.support.processes import processes

# Calls over a worker's own pool after the faults: more than the pool has connections.
SETTLING_CALLS = 6


@dataclass(frozen=True)
class Work:
    """What a worker does. `calls` is what each client makes; None: until it is told to stop.

    With `settle`, more calls follow at the end: see `_Client.settle`.
    """

    url: URL
    campaigns: tuple[uuid.UUID, ...]
    clients: int = 3
    calls: int | None = None
    # Weights of the kinds of calls; the names are the methods of `_Client`.
    mix: Mapping[str, int] = field(default_factory=lambda: {"cost": 7, "batch": 1})
    asynchronous: bool = False
    settle: bool = True
    engine_options: Mapping[str, Any] = field(default_factory=dict)
    # None: the default.
    policy: RetryPolicy | None = None
    gate_timeout: float | None = None


@dataclass(frozen=True)
class Cost:
    campaign_id: uuid.UUID
    service: str
    amount: Decimal


@dataclass
class Records:
    """What the workers wrote down: costs by key; `failed` holds the error's class and SQLSTATE."""

    begun: dict[str, Cost] = field(default_factory=dict)
    acknowledged: dict[str, bool] = field(default_factory=dict)
    failed: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    # Failures of other functions, the same way.
    other_failures: list[tuple[str, str, str | None]] = field(default_factory=list)
    retries: Counter[str] = field(default_factory=Counter)
    other_calls: Counter[str] = field(default_factory=Counter)
    settled: int = 0

    @property
    def replayed(self) -> int:
        """How often a repeated call was answered with the first result."""
        return sum(self.acknowledged.values())

    def add(self, path: Path) -> None:
        for line in path.read_text().splitlines():
            kind, *values = json.loads(line)
            if kind == "begun":
                key, campaign_id, service, amount = values
                self.begun[key] = Cost(uuid.UUID(campaign_id), service, Decimal(amount))
            elif kind == "acknowledged":
                self.acknowledged[values[0]] = values[1]
            elif kind == "failed":
                self.failed[values[0]] = (values[1], values[2])
            elif kind == "other failed":
                self.other_failures.append(tuple(values))
            elif kind == "other call":
                self.other_calls[values[0]] += 1
            elif kind == "retry":
                self.retries[values[0]] += 1
            elif kind == "settled":
                self.settled += 1
            else:
                raise AssertionError(f"a worker failed:\n{values[0]}")


def new_campaigns(store: CampaignStore, number: int) -> tuple[uuid.UUID, ...]:
    return tuple(
        store.create_campaign_with_coverage({"name": f"Campaign {index}"}).campaign_id
        for index in range(number)
    )


def without_encryption(url: URL, port: int) -> URL:
    """The same database through a proxy or a pooler on another port."""
    return url.set(port=port).update_query_dict({"sslmode": "disable", "gssencmode": "disable"})


def mixed_workers(number: int, work: Work) -> list[Work]:
    """Every other worker is asynchronous."""
    return [replace(work, asynchronous=index % 2 == 1) for index in range(number)]


class _Worker:
    """One running process, as its parent sees it."""

    def __init__(self, work: Work, seed: str, path: Path) -> None:
        self.path = path
        self.work = work
        self._commands, theirs = processes.Pipe()
        self.process = processes.Process(
            target=_work, args=(work, seed, str(path), theirs), daemon=True
        )
        self.process.start()
        theirs.close()

    def wait_until_ready(self) -> None:
        assert self._commands.poll(60), "a worker did not answer"
        try:
            self._commands.recv()
        except EOFError:
            self.process.join(10)

    def tell(self, command: str) -> None:
        self._commands.send(command)

    def kill(self) -> None:
        self.process.kill()
        self.process.join(10)


class Workers:
    """Worker processes at work from the start of the block; those left at its end are killed."""

    def __init__(self, folder: Path, rng: random.Random, *work: Work) -> None:
        self._folder = folder
        self._rng = rng
        self._workers: list[_Worker] = []
        self._paths: list[Path] = []
        self._work = work

    def __enter__(self) -> Workers:
        for work in self._work:
            self._start(work)
        for worker in self._workers:
            worker.wait_until_ready()
        for worker in self._workers:
            worker.tell("go")
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            worker.kill()

    def _start(self, work: Work) -> _Worker:
        path = self._folder / f"worker-{len(self._paths)}"
        path.touch()
        self._paths.append(path)
        worker = _Worker(work, f"{self._rng.random()}", path)
        self._workers.append(worker)
        return worker

    def replace_one(self) -> None:
        """SIGKILL to a worker, and a new one in its place."""
        index = self._rng.randrange(len(self._workers))
        self._workers.pop(index).kill()
        worker = self._start(self._rng.choice(self._work))
        worker.wait_until_ready()
        worker.tell("go")

    def count(self, text: str) -> int:
        """How often something was written down so far."""
        return sum(path.read_bytes().count(text.encode()) for path in self._paths)

    def acknowledged(self) -> int:
        return self.count('["acknowledged"')

    def wait_for_acknowledged(self, number: int, timeout: float = 60) -> None:
        """Waits until so many more costs than now were acknowledged."""
        wanted, deadline = self.acknowledged() + number, time.monotonic() + timeout
        while (reached := self.acknowledged()) < wanted:
            assert time.monotonic() < deadline, f"only {reached} of {wanted} costs acknowledged"
            assert all(worker.process.is_alive() for worker in self._workers), self.records()
            time.sleep(0.02)

    def finish(self, timeout: float = 100) -> Records:
        """The faults are over: the last calls, and then what all workers wrote down."""
        deadline = time.monotonic() + timeout
        settling = [worker for worker in self._workers if worker.work.settle]
        for worker in settling:
            worker.tell("settle")
        for worker in settling:
            worker.wait_until_ready()
        # One after the other: nothing but its own pool can make a worker's call fail.
        for worker in settling:
            worker.tell("settle strictly")
            worker.process.join(max(0.0, deadline - time.monotonic()))
        for worker in self._workers:
            worker.process.join(max(0.0, deadline - time.monotonic()))
            assert worker.process.exitcode == 0, (worker.process.exitcode, self.records())
        records = self.records()
        wanted = sum(SETTLING_CALLS * (worker.work.clients + 1) for worker in settling)
        assert records.settled == wanted, f"last calls failed: {records.failed}"
        return records

    def records(self) -> Records:
        records = Records()
        for path in self._paths:
            records.add(path)
        return records


# From here on in the worker's process.


def _work(work: Work, seed: str, path: str, commands: Connection) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)

    def record(*values: Any) -> None:
        # One write, straight into the file: SIGKILL cannot take it back.
        os.write(descriptor, (json.dumps(values, default=str) + "\n").encode())

    try:
        _Process(work, seed, record).run(commands)
    except BaseException:
        record("crashed", traceback.format_exc())
        raise


class _RecordedRetries(logging.Handler):
    def __init__(self, record: Any) -> None:
        super().__init__()
        self._record = record

    def emit(self, record: logging.LogRecord) -> None:
        self._record("retry", str(record.__dict__.get("sqlstate")))


class _Process:
    """A worker: one engine, several clients (threads, or tasks of one event loop)."""

    def __init__(self, work: Work, seed: str, record: Any) -> None:
        self.work = work
        self.record = record
        self.finishing = threading.Event()
        self.failures: list[str] = []
        if work.gate_timeout is not None:
            gate.GATE_TIMEOUT = work.gate_timeout
        retries = logging.getLogger("campaigndb.calling.transactions")
        retries.setLevel(logging.INFO)
        retries.addHandler(_RecordedRetries(record))
        if work.asynchronous:
            self.engine: Any = create_async_engine(work.url, **work.engine_options)
            kind: Any = AsyncCampaignStore
        else:
            self.engine = create_engine(work.url, **work.engine_options)
            kind = CampaignStore
        self.store = kind(self.engine, schema="public", policies=work.policy)
        self.strict_store = kind(self.engine, schema="public", policies=NO_RETRY)
        self.clients = [_Client(self, f"{seed} {number}") for number in range(work.clients)]

    def run(self, commands: Connection) -> None:
        commands.send("ready")
        commands.recv()
        if self.work.asynchronous:
            asyncio.run(self._run_async(commands))
        else:
            self._run_threads(commands)

    def _run_threads(self, commands: Connection) -> None:
        threads = self._threads("run")
        if self.work.settle:
            commands.recv()
            self.finishing.set()
            self._join(threads)
            self._join(self._threads("settle"))
            commands.send("ready")
            commands.recv()
            threads = self._threads("settle_strictly", 1)
        self._join(threads)
        assert self.engine.pool.checkedout() == 0
        self.engine.dispose()

    def _threads(self, method: str, number: int | None = None) -> list[threading.Thread]:
        def target(client: _Client) -> None:
            try:
                asyncio.run(getattr(client, method)())
            except BaseException:
                self.failures.append(traceback.format_exc())
                raise

        threads = [
            threading.Thread(target=target, args=(client,)) for client in self.clients[:number]
        ]
        for thread in threads:
            thread.start()
        return threads

    def _join(self, threads: list[threading.Thread]) -> None:
        for thread in threads:
            thread.join()
        if self.failures:
            raise AssertionError("\n".join(self.failures))

    async def _run_async(self, commands: Connection) -> None:
        clients = asyncio.gather(*(client.run() for client in self.clients))
        if self.work.settle:
            await asyncio.to_thread(commands.recv)
            self.finishing.set()
            await clients
            await asyncio.gather(*(client.settle() for client in self.clients))
            commands.send("ready")
            await asyncio.to_thread(commands.recv)
            await self.clients[0].settle_strictly()
        await clients
        assert self.engine.pool.checkedout() == 0
        await self.engine.dispose()


class _Client:
    """Calls one after the other. The same code for both stores: it awaits what can be awaited."""

    def __init__(self, process: _Process, seed: str) -> None:
        self._process = process
        self._work = process.work
        self._record = process.record
        self._rng = random.Random(seed)

    async def run(self) -> None:
        calls = 0
        kinds, weights = list(self._work.mix), list(self._work.mix.values())
        while not self._process.finishing.is_set() and calls != self._work.calls:
            (kind,) = self._rng.choices(kinds, weights)
            await getattr(self, kind)()
            calls += 1

    async def settle(self) -> None:
        """The next calls work: over every connection of the pool, dead ones included."""
        for _ in range(SETTLING_CALLS):
            if await self._costs(self._process.store, 1):
                self._record("settled")

    async def settle_strictly(self) -> None:
        """And by then nothing of the faults is left in the pool: not even a retry is needed."""
        for _ in range(SETTLING_CALLS):
            if await self._costs(self._process.strict_store, 1):
                self._record("settled")

    async def cost(self) -> None:
        await self._costs(self._process.store, 1)

    async def batch(self) -> None:
        await self._costs(self._process.store, self._rng.randint(2, 5), batch=True)

    async def statistics(self) -> None:
        await self._other("update_campaign_statistics", self._campaign())

    async def businesses(self) -> None:
        records = [
            {
                "place_id": f"place {number}",
                "name": f"Business {self._rng.random()}",
                "facebookUrl": f"https://facebook.com/{number}",
            }
            for number in self._rng.sample(range(60), 10)
        ]
        await self._other("insert_businesses_batch", self._campaign(), "00100", records)

    async def enrichment(self) -> None:
        queue = await self._other(
            "get_businesses_for_enrichment", self._campaign(), "linkedin", 100
        )
        enrichments = [
            {"business_id": business.business_id, "success": False, "error_message": "none"}
            for business in queue or ()
        ]
        self._rng.shuffle(enrichments)
        await self._other("update_enrichment_batch", "linkedin", enrichments[:10])

    def _campaign(self) -> uuid.UUID:
        return self._rng.choice(self._work.campaigns)

    async def _other(self, function: str, *arguments: Any) -> Any:
        try:
            result = getattr(self._process.store, function)(*arguments)
            if inspect.isawaitable(result):
                result = await result
        except StoredFunctionError as error:
            self._record("other failed", function, str(error), error.error_code)
            return None
        self._record("other call", function)
        return result

    async def _costs(self, store: Any, number: int, *, batch: bool = False) -> bool:
        costs = {
            f"{self._rng.getrandbits(128):032x}": Cost(
                self._campaign(),
                self._rng.choice(SERVICES),
                Decimal(self._rng.randint(1, 99_999)) / 10_000,
            )
            for _ in range(number)
        }
        for key, cost in costs.items():
            self._record("begun", key, cost.campaign_id, cost.service, cost.amount)
        items = [
            {
                "campaign_id": cost.campaign_id,
                "service": cost.service,
                "items_processed": 1,
                "cost_usd": cost.amount,
                "metadata": {"idempotency_key": key},
            }
            for key, cost in costs.items()
        ]
        try:
            if batch:
                result = store.track_campaign_costs_batch(items)
            else:
                result = store.track_campaign_cost(**items[0])
            if inspect.isawaitable(result):
                result = await result
        except StoredFunctionError as error:
            for key in costs:
                self._record("failed", key, type(error).__name__, error.error_code)
            return False
        for key, tracked in zip(costs, result.costs if batch else [result], strict=True):
            self._record("acknowledged", key, tracked.replayed)
        return True
