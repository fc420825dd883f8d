"""Callers that cannot take the gate (an HTTP API calls the function alone) back off and repeat."""

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import psycopg
import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL
from tenacity import Retrying

from campaigndb import CampaignStore
from campaigndb.calling.errors import from_envelope, from_exception
from campaigndb.calling.json_codec import load_json
from campaigndb.calling.retries import COST_POLICY
from tests.faults.ledger import check_totals, entries
from tests.faults.workers import new_campaigns

CLIENTS, CALLS = 20, 10
AMOUNT = Decimal("0.0101")


def test_blocks_of_twenty_clients_that_do_not_name_their_campaign_are_all_served(
    app_url: URL,
    owner_engine: Engine,
    store: CampaignStore,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (campaign_id,) = new_campaigns(store, 1)
    engine = create_engine(app_url, pool_size=CLIENTS)
    ungated = CampaignStore(engine, schema="public")
    start = threading.Barrier(CLIENTS)

    def client(_: int) -> None:
        start.wait(30)
        for _ in range(CALLS):
            ungated.run_in_transaction(
                lambda bound: bound.track_campaign_cost(campaign_id, "facebook", 1, AMOUNT)
            )

    with (
        caplog.at_level("INFO", logger="campaigndb.calling.transactions"),
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        list(pool.map(client, range(CLIENTS)))
    engine.dispose()

    assert "40001" in caplog.text  # they did get into each other's way
    assert len(entries(owner_engine)) == CLIENTS * CALLS
    check_totals(owner_engine, [campaign_id])


def test_an_http_apis_transactions_repeated_with_the_same_policy_are_all_served(
    app_url: URL, owner_engine: Engine, store: CampaignStore
) -> None:
    (campaign_id,) = new_campaigns(store, 1)
    start = threading.Barrier(CLIENTS)

    def one_request(connection: psycopg.Connection, key: str) -> None:
        """What PostgREST does with a call: the function's isolation level, and one statement."""
        try:
            with connection.transaction():
                connection.execute("set transaction isolation level serializable")
                row = connection.execute(
                    "select track_campaign_cost(%s, 'bouncer', 1, %s,"
                    " jsonb_build_object('idempotency_key', %s::text))::text",
                    [campaign_id, AMOUNT, key],
                ).fetchone()
        except psycopg.Error as error:
            raise from_exception(error) or error from None
        assert row is not None
        envelope = load_json(row[0])
        if not envelope["success"]:
            raise from_envelope(envelope, "track_campaign_cost")

    def client(number: int) -> int:
        attempts = 0
        url = app_url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True) as connection:
            start.wait(30)
            for call in range(CALLS):
                for attempt in Retrying(**COST_POLICY.tenacity_options()):
                    with attempt:
                        attempts += 1
                        one_request(connection, f"{number} {call}")
        return attempts

    with ThreadPoolExecutor(CLIENTS) as pool:
        attempts = sum(pool.map(client, range(CLIENTS)))

    assert attempts > CLIENTS * CALLS
    assert len(entries(owner_engine)) == CLIENTS * CALLS
    check_totals(owner_engine, [campaign_id])
