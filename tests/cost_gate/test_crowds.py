"""Many processes at once, with the default settings: nobody is given up, every total is exact."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL

from campaigndb import CampaignStore
from campaigndb.embedded_server import temporary_server
from campaigndb.migrations.commands import upgrade
from campaigndb.settings import Settings
from tests.conftest import APP_PASSWORD, APP_ROLE
from tests.faults.ledger import check_ledger, check_nothing_is_left, entries
from tests.faults.workers import Records, Work, Workers, mixed_workers, new_campaigns

DEADLOCKS = text("select deadlocks from pg_stat_database where datname = current_database()")


def run(tmp_path: Path, workers_at_work: list[Work]) -> Records:
    with Workers(tmp_path, random.Random(), *workers_at_work) as workers:
        return workers.finish()


def test_a_hundred_clients_with_twenty_costs_each_on_one_campaign_are_all_served(
    tmp_path: Path, app_url: URL, owner_engine: Engine, store: CampaignStore
) -> None:
    campaign_ids = new_campaigns(store, 1)
    work = Work(app_url, campaign_ids, clients=10, calls=20, mix={"cost": 1}, settle=False)
    records = run(tmp_path, mixed_workers(10, work))

    assert not records.failed
    assert len(records.acknowledged) == len(entries(owner_engine)) == 2_000
    assert not records.retries
    check_ledger(owner_engine, records)


def test_ten_processes_on_one_campaign_wait_for_each_other_and_never_retry(
    tmp_path: Path, app_url: URL, owner_engine: Engine, store: CampaignStore
) -> None:
    campaign_ids = new_campaigns(store, 1)
    mix = {"cost": 4, "batch": 1, "statistics": 1}
    work = Work(app_url, campaign_ids, clients=1, calls=60, mix=mix, settle=False)
    records = run(tmp_path, mixed_workers(10, work))

    assert not records.retries
    assert not records.failed
    assert not records.other_failures
    assert records.other_calls["update_campaign_statistics"] > 20
    check_ledger(owner_engine, records)


def test_everything_at_once_on_four_campaigns_is_exact_and_never_deadlocks(
    tmp_path: Path, app_url: URL, owner_engine: Engine, store: CampaignStore
) -> None:
    campaign_ids = new_campaigns(store, 4)
    with owner_engine.connect() as connection:
        deadlocks = connection.execute(DEADLOCKS).scalar_one()
    mix = {"cost": 4, "batch": 2, "statistics": 2, "businesses": 2, "enrichment": 2}
    work = Work(app_url, campaign_ids, clients=4, calls=25, mix=mix, settle=False)
    records = run(tmp_path, mixed_workers(8, work))

    assert not records.failed
    assert not records.other_failures
    assert records.other_calls.keys() == {
        "update_campaign_statistics",
        "insert_businesses_batch",
        "get_businesses_for_enrichment",
        "update_enrichment_batch",
    }
    # Not even one that a retry healed. A session reports its deadlocks when it ends, or before.
    assert "40P01" not in records.retries
    check_nothing_is_left(owner_engine, APP_ROLE)
    with owner_engine.connect() as connection:
        assert connection.execute(DEADLOCKS).scalar_one() == deadlocks
    check_ledger(owner_engine, records)


def updates_of_campaigns(engine: Engine, at_least: int = 0) -> tuple[int, int]:
    """All of them, and those that were HOT; a session counts its own when it ends, or before."""
    query = text(
        "select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relname = 'gmaps_campaigns'"
    )
    deadline = time.monotonic() + 20
    while True:
        with engine.connect() as connection:
            updates, hot = connection.execute(query).one()
        if updates >= at_least:
            return updates, hot
        assert time.monotonic() < deadline, f"only {updates} of {at_least} updates were counted"
        time.sleep(0.05)


@pytest.fixture
def quiet_url() -> Iterator[URL]:
    """A server of its own, as the application role. A transaction that is open anywhere in a server
    keeps old versions of rows, and other tests leave some open on purpose."""
    with temporary_server(
        Settings(_env_file=None), server_settings={"autovacuum": "off"}
    ) as server:
        with create_engine(server.url).begin() as connection:
            connection.exec_driver_sql(f"create role {APP_ROLE} login password '{APP_PASSWORD}'")
        upgrade(server.url, settings=Settings(_env_file=None, app_role=APP_ROLE))
        yield server.url


@pytest.mark.parametrize("mix", [{"batch": 1}, {"cost": 1}], ids=["batches", "costs"])
def test_writers_of_different_campaigns_do_not_make_each_other_fail(
    tmp_path: Path, quiet_url: URL, mix: dict[str, int]
) -> None:
    app_url = quiet_url.set(username=APP_ROLE, password=APP_PASSWORD)
    owner_engine = create_engine(quiet_url)
    app_engine = create_engine(app_url)
    campaign_ids = new_campaigns(CampaignStore(app_engine, schema="public"), 8)
    app_engine.dispose()
    # With statistics the planner prefers to scan a table this small, and SERIALIZABLE then takes
    # all of it for read.
    with owner_engine.begin() as connection:
        connection.execute(text("analyze"))
    workers_at_work = [
        Work(app_url, (campaign_id,), clients=1, calls=60, mix=mix, settle=False)
        for campaign_id in campaign_ids
    ]
    updates_before, hot_before = updates_of_campaigns(owner_engine)
    records = run(tmp_path, workers_at_work)

    assert not records.failed
    check_ledger(owner_engine, records)
    updates, hot = updates_of_campaigns(owner_engine, updates_before + 8 * 60)
    # Only HOT updates leave the index alone, which SERIALIZABLE takes for read. Now and then one is
    # not: a process that the machine stops keeps old versions of rows, until their page is full.
    not_hot = (updates - updates_before) - (hot - hot_before)
    assert not_hot <= 8 * 60 * 0.05
    # What is not HOT touches that page of the index for each of the others at most.
    assert records.retries.total() <= not_hot * 7
    owner_engine.dispose()
