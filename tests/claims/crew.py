"""Workers in processes of their own. Each writes down what it was given and what it finished."""

from __future__ import annotations

import json
import os
import random
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.engine import URL

from campaigndb import CampaignStore, RetryPolicy
from tests.support.processes import processes

PATIENCE = 100.0  # Longest run of a worker, in seconds.


@dataclass(frozen=True)
class Task:
    """What every worker of a crew does."""

    url: URL
    campaign_id: uuid.UUID
    folder: Path
    lease_seconds: int
    page_size: int = 100
    unit_cost_usd: Decimal | None = None
    # Stops at an empty queue; else only when nothing is unfinished any more.
    ends_when_empty: bool = False
    engine_options: tuple[tuple[str, Any], ...] = ()


def work_off(task: Task, name: str) -> None:
    """Claims, "looks up" and finishes until nothing is left."""
    engine = create_engine(task.url, pool_size=2, **dict(task.engine_options))
    policy = RetryPolicy(attempts=1000, deadline=PATIENCE)
    store = CampaignStore(engine, schema="public", policies=policy)
    end = time.monotonic() + PATIENCE
    with (task.folder / name).open("a", encoding="utf-8") as log:

        def write(event: str, **values: Any) -> None:
            log.write(json.dumps({"event": event, "worker": name, **values}) + "\n")
            log.flush()

        while time.monotonic() < end:
            claim = store.claim_businesses_for_enrichment(
                task.campaign_id,
                "facebook",
                task.page_size,
                name,
                task.lease_seconds,
                task.unit_cost_usd,
            )
            items = [str(business.business_id) for business in claim.businesses]
            if items:
                until = claim.leased_until.timestamp()
                write("claimed", items=items, at=until - task.lease_seconds, until=until)
            elif task.ends_when_empty or not _unfinished(store, task.campaign_id):
                break
            else:
                time.sleep(0.2)
                continue

            def finish(bound: Any, items: list[str] = items) -> None:
                found = [{"business_id": item, "page_name": "n", "worker": name} for item in items]
                bound.update_enrichment_batch("facebook", found)
                if task.unit_cost_usd is not None:
                    cost = task.unit_cost_usd * len(items)
                    bound.track_campaign_cost(task.campaign_id, "facebook", len(items), cost)

            gated = [] if task.unit_cost_usd is None else [task.campaign_id]
            level = "READ COMMITTED" if task.unit_cost_usd is None else "SERIALIZABLE"
            store.run_in_transaction(
                finish, isolation_level=level, cost_campaigns=gated, policy=policy
            )
            write("finished", items=items, at=time.time())
    engine.dispose()


def _unfinished(store: CampaignStore, campaign_id: uuid.UUID) -> int:
    queues = store.get_work_status(campaign_id, 0).queues
    return next(queue.unfinished for queue in queues if queue.kind == "facebook")


def run_crew(
    task: Task,
    workers: int,
    rng: random.Random,
    *,
    killed: int = 0,
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Runs the workers to their end; some are killed on the way, at random moments."""
    crew = [
        processes.Process(target=work_off, args=(task, f"worker-{number}"))
        for number in range(workers)
    ]
    for process in crew:
        process.start()
    for victim in rng.sample(crew, killed):
        wait_for_claims(task.folder, 3)
        time.sleep(rng.uniform(0, 0.5))
        _kill(victim)
    meanwhile()
    for process in crew:
        process.join(PATIENCE)
        assert not process.is_alive()
    assert sum(process.exitcode != 0 for process in crew) <= killed


def _kill(process: ForkServerProcess) -> None:
    assert process.pid is not None
    if process.is_alive():
        os.kill(process.pid, signal.SIGKILL)


def wait_for_claims(folder: Path, number: int) -> None:
    end = time.monotonic() + PATIENCE
    while sum(1 for event in events(folder) if event["event"] == "claimed") < number:
        assert time.monotonic() < end
        time.sleep(0.05)


def events(folder: Path) -> Iterator[dict[str, Any]]:
    """What the workers wrote; the last line of one that was killed may be half written."""
    for path in folder.iterdir():
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
            if line.endswith("\n"):
                yield json.loads(line)


def check_one_holder(folder: Path) -> set[str]:
    """Fails where two workers held an item at once; returns all items that were handed out."""
    claims: dict[str, list[tuple[float, float, str]]] = {}
    for event in events(folder):
        if event["event"] == "claimed":
            for item in event["items"]:
                claims.setdefault(item, []).append((event["at"], event["until"], event["worker"]))
    for item, held in claims.items():
        for (_, until, worker), (at, _, other) in pairwise(sorted(held)):
            assert worker == other or at >= until - 0.001, (item, worker, other)
    return set(claims)
