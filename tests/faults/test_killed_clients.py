"""Worker processes that vanish in the middle of a call."""

import random
import time
import uuid
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import URL

from tests.conftest import APP_ROLE
from tests.faults.conftest import Size
from tests.faults.ledger import check_aftermath
from tests.faults.workers import Work, Workers, mixed_workers


def test_killed_clients_leave_whole_costs_and_no_locks(
    size: Size,
    rng: random.Random,
    tmp_path: Path,
    app_url: URL,
    owner_engine: Engine,
    campaign_ids: tuple[uuid.UUID, ...],
) -> None:
    workers_at_work = mixed_workers(size.workers, Work(app_url, campaign_ids))
    with Workers(tmp_path, rng, *workers_at_work) as workers:
        for _ in range(size.faults * 3):
            workers.wait_for_acknowledged(20)
            time.sleep(rng.uniform(0.0, 0.05))
            workers.replace_one()
        records = workers.finish()

    assert not records.failed
    unknown = records.begun.keys() - records.acknowledged.keys()
    assert unknown, "no client was killed in the middle of a call"
    check_aftermath(owner_engine, records, APP_ROLE)
