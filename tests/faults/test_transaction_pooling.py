"""PgBouncer in transaction mode: every transaction may run on another server connection."""

import random
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL

from campaigndb import CampaignStore
from tests.conftest import APP_ROLE
from tests.faults.conftest import Size
from tests.faults.ledger import check_aftermath
from tests.faults.pooler import PROGRAM, pgbouncer
from tests.faults.test_terminated_backends import terminate_at_random
from tests.faults.workers import Work, Workers, mixed_workers, without_encryption

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="the program pgbouncer is not installed")

SERVER_CONNECTIONS = 4
BACKENDS = text(
    "select count(*) from pg_stat_activity where datname = current_database() and usename = :role"
)


@pytest.fixture
def pooled_work(app_url: URL, campaign_ids: tuple[uuid.UUID, ...]) -> Iterator[Work]:
    with pgbouncer(app_url, pool_size=SERVER_CONNECTIONS) as port:
        yield Work(
            without_encryption(app_url, port),
            campaign_ids,
            # Prepared statements belong to a server connection.
            engine_options={"connect_args": {"prepare_threshold": None}},
        )


def test_costs_through_a_transaction_pooler_are_exact(
    size: Size, rng: random.Random, tmp_path: Path, owner_engine: Engine, pooled_work: Work
) -> None:
    with Workers(tmp_path, rng, *mixed_workers(size.workers, pooled_work)) as workers:
        workers.wait_for_acknowledged(50)
        time.sleep(size.seconds)
        with owner_engine.connect() as connection:
            backends = connection.execute(BACKENDS, {"role": APP_ROLE}).scalar_one()
        records = workers.finish()

    assert 1 <= backends <= SERVER_CONNECTIONS < size.workers * pooled_work.clients
    assert not records.failed
    assert records.retries.keys() <= {"40001"}
    check_aftermath(owner_engine, records, APP_ROLE)


def test_costs_are_exact_while_the_pooler_loses_its_server_connections(
    size: Size, rng: random.Random, tmp_path: Path, owner_engine: Engine, pooled_work: Work
) -> None:
    with Workers(tmp_path, rng, *mixed_workers(size.workers, pooled_work)) as workers:
        terminated = terminate_at_random(owner_engine, rng, size.seconds)
        records = workers.finish()

    assert terminated >= 10
    assert not records.failed
    assert records.retries
    check_aftermath(owner_engine, records, APP_ROLE)


def test_pipelines_of_many_clients_share_few_server_connections(
    app_url: URL, owner_engine: Engine
) -> None:
    """Calls that wait at no gate: each is sent as a pipeline, large ones in many pieces."""
    clients, batches, records = 12, 5, 300
    zip_codes = [f"{number:05}" for number in range(clients)]

    with pgbouncer(app_url, pool_size=2) as port:
        engine = create_engine(
            without_encryption(app_url, port),
            pool_size=clients,
            connect_args={"prepare_threshold": None},
        )
        store = CampaignStore(engine, schema="public")
        campaign_id = store.create_campaign_with_coverage({"name": "x"}, zip_codes).campaign_id

        def work(zip_code: str) -> None:
            for batch in range(batches):
                inserted = store.insert_businesses_batch(
                    campaign_id,
                    zip_code,
                    [
                        {"placeId": f"{zip_code}-{batch}-{number}", "title": "x" * 200}
                        for number in range(records)
                    ],
                )
                assert inserted.inserted == records
                store.update_coverage_status(campaign_id, zip_code, batch, 0, "0.25")
                page = store.get_businesses_for_enrichment(campaign_id, "linkedin", 500)
                assert len(page) >= records

        with ThreadPoolExecutor(clients) as threads:
            list(threads.map(work, zip_codes))
            with owner_engine.connect() as connection:
                backends = connection.execute(BACKENDS, {"role": APP_ROLE}).scalar_one()
        statistics = store.update_campaign_statistics(campaign_id)
        engine.dispose()

    assert backends <= 2
    assert statistics.total_businesses == clients * batches * records
