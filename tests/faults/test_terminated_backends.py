"""An administrator, or a failover, ends the sessions that are at work."""

import random
import time
import uuid
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from tests.conftest import APP_ROLE
from tests.faults.conftest import Size, load_for
from tests.faults.ledger import check_aftermath
from tests.faults.workers import Work, Workers, mixed_workers

BACKENDS = text(
    "select pid from pg_stat_activity"
    " where datname = current_database() and usename = :role and state = 'active'"
)
TERMINATE = text("select pg_terminate_backend(:pid)")


def terminate_at_random(owner_engine: Engine, rng: random.Random, seconds: float) -> int:
    """Ends busy sessions of the application for some time; how many."""
    terminated: list[int] = []
    with owner_engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        for _ in load_for(seconds, lambda: len(terminated) >= 10):
            pids = connection.execute(BACKENDS, {"role": APP_ROLE}).scalars().all()
            if pids and connection.scalar(TERMINATE, {"pid": (pid := rng.choice(pids))}):
                terminated.append(pid)
            time.sleep(rng.uniform(0.0, 0.04))
    return len(terminated)


def test_costs_are_exact_while_backends_are_terminated_at_random(
    size: Size,
    rng: random.Random,
    tmp_path: Path,
    app_url: URL,
    owner_engine: Engine,
    campaign_ids: tuple[uuid.UUID, ...],
) -> None:
    workers_at_work = mixed_workers(size.workers, Work(app_url, campaign_ids))
    with Workers(tmp_path, rng, *workers_at_work) as workers:
        terminated = terminate_at_random(owner_engine, rng, size.seconds)
        records = workers.finish()

    assert terminated >= 10
    assert not records.failed
    assert records.retries
    check_aftermath(owner_engine, records, APP_ROLE)
