"""The server is killed in the middle of its work, and recovers."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import URL

from campaigndb import CampaignStore
from campaigndb.embedded_server import TemporaryServer, temporary_server
from campaigndb.migrations.commands import upgrade
from campaigndb.settings import Settings
from tests.faults.conftest import Size
from tests.faults.ledger import check_aftermath
from tests.faults.workers import Work, Workers, mixed_workers, new_campaigns

# What a server that holds money runs with: an acknowledged commit is on disk.
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
ROLE, PASSWORD = "crash_test_app", "application"


@pytest.fixture
def server() -> Iterator[TemporaryServer]:
    with temporary_server(Settings(_env_file=None), server_settings=DURABLE) as server:
        engine = create_engine(server.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"create role {ROLE} login password '{PASSWORD}'")
        engine.dispose()
        upgrade(server.url, settings=Settings(_env_file=None, app_role=ROLE))
        yield server


@pytest.fixture
def url(server: TemporaryServer) -> URL:
    return server.url.set(username=ROLE, password=PASSWORD)


def test_no_acknowledged_cost_is_lost_when_the_server_is_killed_under_load(
    size: Size, rng: random.Random, tmp_path: Path, server: TemporaryServer, url: URL
) -> None:
    engine = create_engine(url)
    campaign_ids = new_campaigns(CampaignStore(engine, schema="public"), 3)
    engine.dispose()

    with Workers(tmp_path, rng, *mixed_workers(size.workers, Work(url, campaign_ids))) as workers:
        for _ in range(size.faults):
            workers.wait_for_acknowledged(rng.randint(20, 200))
            server.kill()
            time.sleep(rng.uniform(0.0, 0.3))
            server.restart()
        workers.wait_for_acknowledged(20)
        records = workers.finish()

    assert not records.failed
    assert records.retries
    owner_engine = create_engine(server.url)
    check_aftermath(owner_engine, records, ROLE)
    owner_engine.dispose()
