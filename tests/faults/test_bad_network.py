"""Connections that are cut at any byte, and a network that is slow."""

import random
import time
import uuid
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import URL

from tests.conftest import APP_ROLE
from tests.faults.conftest import Size, load_for
from tests.faults.ledger import check_aftermath
from tests.faults.proxy import Proxy
from tests.faults.workers import Work, Workers, mixed_workers, without_encryption


def test_costs_are_exact_over_connections_that_are_cut_at_random(
    size: Size,
    rng: random.Random,
    tmp_path: Path,
    app_url: URL,
    owner_engine: Engine,
    campaign_ids: tuple[uuid.UUID, ...],
) -> None:
    assert app_url.port is not None
    with Proxy(app_url.port, rng, cut=0.02) as proxy:
        work = Work(without_encryption(app_url, proxy.port), campaign_ids)
        with Workers(tmp_path, rng, *mixed_workers(size.workers, work)) as workers:
            for _ in load_for(size.seconds, lambda: proxy.counts["cuts"] >= 20):
                time.sleep(0.05)
            proxy.heal()
            records = workers.finish()

    assert not records.failed
    assert records.retries["None"] > 5  # a lost connection has no SQLSTATE
    check_aftermath(owner_engine, records, APP_ROLE)


def test_costs_over_a_slow_network_wait_without_a_retry(
    size: Size,
    rng: random.Random,
    tmp_path: Path,
    app_url: URL,
    owner_engine: Engine,
    campaign_ids: tuple[uuid.UUID, ...],
) -> None:
    assert app_url.port is not None
    with Proxy(app_url.port, rng, delay=0.01) as proxy:
        # One campaign: where several share a page that is full of old versions, one may fail.
        hot = campaign_ids[:1]
        work = Work(without_encryption(app_url, proxy.port), hot, mix={"cost": 1})
        with Workers(tmp_path, rng, *mixed_workers(size.workers, work)) as workers:
            time.sleep(size.seconds)
            records = workers.finish()

    assert not records.failed
    assert not records.retries
    # A gate is held for no network delay: the clients share the rate, each is bound by its own.
    assert len(records.acknowledged) > 50
    check_aftermath(owner_engine, records, APP_ROLE)
