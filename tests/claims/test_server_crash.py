"""The server is killed in the middle of claims, and recovers: each item still has one holder."""

from __future__ import annotations

import random
import time
from pathlib import Path

from sqlalchemy import create_engine

from campaigndb import CampaignStore
from campaigndb.embedded_server import temporary_server
from campaigndb.migrations.commands import upgrade
from campaigndb.settings import Settings
from tests.claims.crew import Task, check_one_holder, run_crew, wait_for_claims
from tests.claims.test_one_holder import fill, left
from tests.faults.test_server_crashes import DURABLE

ITEMS = 1500
CRASHES = 2


def test_no_item_has_two_holders_when_the_server_is_killed(
    tmp_path: Path, rng: random.Random
) -> None:
    settings = Settings(_env_file=None)
    with temporary_server(settings, server_settings=DURABLE) as server:
        upgrade(server.url, settings=settings)
        engine = create_engine(server.url)
        store = CampaignStore(engine, schema="public")
        campaign_id = store.create_campaign_with_coverage({"name": "Helsinki"}, []).campaign_id
        fill(engine, campaign_id, ITEMS)

        def crash() -> None:
            for number in range(CRASHES):
                wait_for_claims(tmp_path, 6 * (number + 1))
                time.sleep(rng.uniform(0, 0.2))
                server.kill()
                server.restart()

        # The lease outlasts the test: what a worker held before a crash, nobody else gets.
        task = Task(server.url, campaign_id, tmp_path, lease_seconds=600, page_size=50)
        run_crew(task, 4, rng, meanwhile=crash)

        assert len(check_one_holder(tmp_path)) == ITEMS
        engine.dispose()
        assert left(engine) == (0, 0, ITEMS)
        engine.dispose()
