"""The server has committed, and the client never hears of it."""

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

# How a worker writes down that a repeated cost got the first answer.
REPLAYED = ", true]"


def test_a_cost_whose_commit_was_not_heard_of_is_repeated_and_counted_once(
    size: Size,
    rng: random.Random,
    tmp_path: Path,
    app_url: URL,
    owner_engine: Engine,
    campaign_ids: tuple[uuid.UUID, ...],
) -> None:
    assert app_url.port is not None
    with Proxy(app_url.port, rng, drop_commit_reply=0.2) as proxy:
        work = Work(without_encryption(app_url, proxy.port), campaign_ids)
        with Workers(tmp_path, rng, *mixed_workers(size.workers, work)) as workers:
            for _ in load_for(size.seconds, lambda: workers.count(REPLAYED) >= 10):
                time.sleep(0.05)
            proxy.heal()
            records = workers.finish()
        assert proxy.counts["dropped_replies"] >= 10

    assert not records.failed
    assert records.replayed >= 10
    check_aftermath(owner_engine, records, APP_ROLE)
