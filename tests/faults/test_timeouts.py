"""Statement and lock timeouts that are shorter than what some calls have to wait."""

import random
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from campaigndb import RetryPolicy
from campaigndb.calling.gate import gate_statements
from tests.conftest import APP_ROLE
from tests.faults.conftest import Size, load_for
from tests.faults.ledger import check_aftermath
from tests.faults.workers import Work, Workers, mixed_workers

STATEMENT_TIMEOUT = 0.3


def test_calls_that_time_out_leave_nothing_and_the_others_are_exact(
    size: Size,
    rng: random.Random,
    tmp_path: Path,
    app_url: URL,
    migrated_database: psycopg.Connection[Any],
    owner_engine: Engine,
    campaign_ids: tuple[uuid.UUID, ...],
) -> None:
    with migrated_database.transaction():
        # For this database alone: other tests use the same role.
        migrated_database.execute(
            f'alter role {APP_ROLE} in database "{app_url.database}"'
            f" set statement_timeout = {round(STATEMENT_TIMEOUT * 1000)}"
        )
    patient = Work(app_url, campaign_ids)
    impatient = replace(patient, gate_timeout=0.05, policy=RetryPolicy(attempts=2))
    workers_at_work = [
        *mixed_workers(size.workers, patient),
        *mixed_workers(size.workers, impatient),
    ]
    with Workers(tmp_path, rng, *workers_at_work) as workers:
        for _ in load_for(size.seconds, lambda: all(map(workers.count, ("57014", "55P03")))):
            workers.wait_for_acknowledged(20)
            with migrated_database.transaction():
                for statement in gate_statements("public", [rng.choice(campaign_ids)]):
                    migrated_database.execute(statement)
                time.sleep(rng.uniform(0.1, 2 * STATEMENT_TIMEOUT))
        records = workers.finish()

    codes = set(records.failed.values())
    assert ("CallTimeoutError", "57014") in codes
    assert ("ConflictError", "55P03") in codes
    # Two attempts may also be too few where batches of several campaigns cross.
    assert {code for _, code in codes} <= {"57014", "55P03", "40001"}
    check_aftermath(owner_engine, records, APP_ROLE)
