"""Revisions go up and down while callers work: they get no error, and no cost is lost."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from campaigndb import CampaignStore
from campaigndb.migrations.commands import downgrade, upgrade
from campaigndb.settings import Settings
from tests.conftest import APP_ROLE
from tests.faults.ledger import check_aftermath
from tests.faults.workers import Work, Workers, mixed_workers, new_campaigns
from tests.migrations.catalog import snapshot
from tests.migrations.project import LATEST, NEXT, Project

SETTINGS = Settings(_env_file=None, app_role=APP_ROLE)
CALLERS = 8
ROUNDS = 2
COSTS_BETWEEN = 30
MIX = {"cost": 6, "batch": 2, "statistics": 2, "businesses": 2, "enrichment": 2}
# The callers run them all the time, and write to both of the tables.
REPLACED = [
    "track_campaign_cost",
    "track_campaign_costs_batch",
    "update_campaign_statistics",
    "insert_businesses_batch",
    "get_businesses_for_enrichment",
    "update_enrichment_batch",
]


def test_callers_notice_nothing_of_a_revision_that_goes_up_and_down(
    project: Project,
    store: CampaignStore,
    database_url: URL,
    app_url: URL,
    owner_engine: Engine,
    tmp_path: Path,
    rng: random.Random,
) -> None:
    project.add_revision(
        NEXT,
        LATEST,
        upgrade="op.add_column('gmaps_campaigns', sa.Column('added', sa.Text));"
        " op.add_column('gmaps_api_costs', sa.Column('added', sa.Text))",
        downgrade="op.drop_column('gmaps_campaigns', 'added');"
        " op.drop_column('gmaps_api_costs', 'added')",
        functions=REPLACED,
    )
    campaigns = new_campaigns(store, 3)
    store.engine.dispose()
    before = snapshot(database_url)
    work = Work(app_url, campaigns, clients=2, mix=MIX)

    with Workers(tmp_path, rng, *mixed_workers(CALLERS, work)) as workers:
        for _ in range(ROUNDS):
            workers.wait_for_acknowledged(COSTS_BETWEEN)
            upgrade(database_url, settings=SETTINGS)
            workers.wait_for_acknowledged(COSTS_BETWEEN)
            downgrade(database_url, LATEST, settings=SETTINGS)
        workers.wait_for_acknowledged(COSTS_BETWEEN)
        records = workers.finish()

    assert records.failed == {}
    assert records.other_failures == []
    assert {
        "update_campaign_statistics",
        "insert_businesses_batch",
        "update_enrichment_batch",
    } <= records.other_calls.keys()
    check_aftermath(owner_engine, records, APP_ROLE)
    assert snapshot(database_url) == before


# The first revision that has all that today's callers need: the gates.
LOWEST = "0002"
# Of three clients each: twelve callers.
PROCESSES = 4


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "rounds", [pytest.param(1, id="once"), pytest.param(4, id="four", marks=pytest.mark.torture)]
)
def test_callers_notice_nothing_of_every_revision_that_goes_down_and_up(
    rounds: int,
    store: CampaignStore,
    database_url: URL,
    app_url: URL,
    owner_engine: Engine,
    tmp_path: Path,
    rng: random.Random,
) -> None:
    campaigns = new_campaigns(store, 3)
    store.engine.dispose()
    before = snapshot(database_url)
    work = Work(app_url, campaigns, clients=3, mix=MIX)

    with Workers(tmp_path, rng, *mixed_workers(PROCESSES, work)) as workers:
        for _ in range(rounds):
            workers.wait_for_acknowledged(COSTS_BETWEEN)
            downgrade(database_url, LOWEST, settings=SETTINGS)
            workers.wait_for_acknowledged(COSTS_BETWEEN)
            upgrade(database_url, settings=SETTINGS)
        workers.wait_for_acknowledged(COSTS_BETWEEN)
        records = workers.finish()

    print(f"costs {len(records.acknowledged)}, retries {dict(records.retries)}")
    assert records.failed == {}
    assert records.other_failures == []
    check_aftermath(owner_engine, records, APP_ROLE)
    assert snapshot(database_url) == before
