"""The Python client of Supabase over HTTP: the same answers, errors and retries as the store's."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import httpx
import pytest
from postgrest.exceptions import APIError
from sqlalchemy import Engine, Row, text
from supabase import Client, ClientOptions, create_client

from campaigndb import (
    CampaignStore,
    DatabaseConnectionError,
    InvalidInputError,
    StoredFunctionError,
)
from campaigndb.calling.catalogue import FUNCTIONS
from campaigndb.calling.retries import NO_RETRY, RetryPolicy
from campaigndb.http.gmaps_supabase_manager import GmapsSupabaseManager
from campaigndb.http.supabase_store import SupabaseStore
from campaigndb.operations.reconciliation import reconcile
from campaigndb.tables import api_costs, businesses, campaigns
from tests.supabase.api_server import BOTH_APIS
from tests.supabase.gateway import Gateway
from tests.vectors.vectors import differences, load_scenarios, through

QUICK = RetryPolicy(attempts=20, deadline=20.0, first_wait=0.01, longest_wait=0.05)


@pytest.fixture
def client(api: Any) -> Client:
    return create_client(api.url, api.service_key)


@pytest.fixture
def manager(client: Client) -> GmapsSupabaseManager:
    return GmapsSupabaseManager(client)


@pytest.fixture
def nowhere(closed_port: int) -> Client:
    """A client whose server is not there."""
    return create_client(f"http://127.0.0.1:{closed_port}", "eyJhbGciOiJIUzI1NiJ9.e30.x")


@pytest.fixture
def closed_port() -> int:
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


@BOTH_APIS
def test_the_shared_scenarios(client: Client) -> None:
    call = through(SupabaseStore(client))
    found = {scenario["name"]: differences(scenario, call) for scenario in load_scenarios()}
    assert {name: problems for name, problems in found.items() if problems} == {}


def test_the_manager_does_what_the_worker_did(
    manager: GmapsSupabaseManager, row: Callable[..., Row[Any]]
) -> None:
    created = manager.create_campaign({"name": "Helsinki"}, ["00100"])
    campaign_id = created.campaign_id
    record = {
        "placeId": "m",
        "title": "Kauppahalli",
        "emails": ["a@m.example"],
        "facebooks": ["https://facebook.com/m"],
    }
    assert manager.save_businesses(campaign_id, "00100", [record]).inserted == 1
    [business] = manager.get_businesses_for_enrichment(campaign_id, "facebook")
    assert [*manager.iter_businesses_for_enrichment(campaign_id, "linkedin", 1)] == [business]
    found = {"business_id": business.business_id, "success": True, "primary_email": "b@m.example"}
    assert manager.save_enrichments("facebook", [found]).updated == 1
    verified = manager.update_email_verification(
        business.business_id, "b@m.example", {"status": "deliverable"}
    )
    assert verified.is_safe
    assert manager.update_coverage_status(campaign_id, "00100", 1, 1, "0.5").emails_found == 1
    assert manager.track_campaign_cost(campaign_id, "bouncer", 1, "0.0001").new_total == Decimal(
        "0.0001"
    )
    item = {
        "campaign_id": campaign_id,
        "service": "facebook",
        "items_processed": 1,
        "cost_usd": Decimal("0.1000"),
    }
    assert [cost.new_total for cost in manager.track_campaign_costs([item, item]).costs] == [
        Decimal("0.1001"),
        Decimal("0.2001"),
    ]
    assert manager.update_campaign_statistics(campaign_id).total_verified_emails == 1
    assert row(campaigns, id=campaign_id).actual_cost == Decimal("0.2001")


def test_results_have_the_types_of_the_store(
    client: Client, store: CampaignStore, campaign_id: uuid.UUID, add_business: Callable[..., Any]
) -> None:
    add_business("typed", email="t@t.example")
    over_http = SupabaseStore(client)
    assert over_http.get_businesses_for_enrichment(campaign_id, "facebook") == (
        store.get_businesses_for_enrichment(campaign_id, "facebook")
    )
    assert over_http.update_campaign_statistics(campaign_id) == (
        store.update_campaign_statistics(campaign_id)
    )


def test_money_is_exact_to_the_last_decimal(
    client: Client, store: CampaignStore, campaign_id: uuid.UUID, owner_engine: Engine
) -> None:
    # A total that a float with 15 digits just holds: 99,999,999,999.9999 after the next cent.
    with owner_engine.begin() as connection:
        connection.execute(
            text("update gmaps_campaigns set actual_cost = 99999999999.9898 where id = :id"),
            {"id": campaign_id},
        )
    tracked = SupabaseStore(client).track_campaign_cost(campaign_id, "bouncer", 1, "0.0101")
    assert tracked.new_total == Decimal("99999999999.9999")


@BOTH_APIS
def test_a_crowd_loses_no_cost(
    api: Any, campaign_id: uuid.UUID, owner_engine: Engine, rows: Callable[..., list[Any]]
) -> None:
    def work(_: int) -> None:
        store = SupabaseStore(create_client(api.url, api.service_key))
        for _ in range(5):
            store.track_campaign_cost(campaign_id, "facebook", 1, "0.0101")

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(work, range(10)))
    assert len(rows(api_costs, campaign_id=campaign_id)) == 50
    found = reconcile(owner_engine)
    assert found.discrepancies == () or found.discrepancies == []
    assert sum(row.cost_usd for row in rows(api_costs)) == Decimal("0.505")


def test_a_page_that_the_api_cuts_short_is_not_the_last_one(
    client: Client, campaign_id: uuid.UUID, add_business: Callable[..., Any], owner_engine: Engine
) -> None:
    for number in range(5):
        add_business(f"p{number}")
    with owner_engine.begin() as connection:
        source = connection.execute(
            text(
                "select pg_get_functiondef(oid) from pg_proc "
                "where proname = 'get_enrichment_queue_page'"
            )
        ).scalar_one()
        cut = source.replace("v_limit, 0", "least(v_limit, 2), 0")
        assert cut != source
        connection.exec_driver_sql(cut.replace("%", "%%"))
    store = SupabaseStore(client)
    assert len(list(store.iter_businesses_for_enrichment(campaign_id, "facebook", 100))) == 5


def test_a_repeated_key_is_answered_with_the_first_result(
    manager: GmapsSupabaseManager, campaign_id: uuid.UUID
) -> None:
    first, again = (
        manager.track_campaign_cost(campaign_id, "bouncer", 1, "1", {"idempotency_key": "k"})
        for _ in range(2)
    )
    assert (again.cost_id, again.replayed) == (first.cost_id, True)


def test_the_anonymous_key_may_call_nothing(api: Any) -> None:
    anonymous = create_client(api.url, api.anon_key)
    refused = {}
    for function in FUNCTIONS.values():
        required = {
            name: None
            for name, parameter in function.parameters.items()
            if parameter.default is None
        }
        with pytest.raises(APIError) as caught:
            anonymous.rpc(function.name, required).execute()
        refused[function.name] = caught.value.code
    assert refused == dict.fromkeys(FUNCTIONS, "42501")
    store = SupabaseStore(anonymous)
    with pytest.raises(StoredFunctionError, match="role may not call") as told:
        store.update_campaign_statistics(uuid.uuid4())
    assert (told.value.error_code, told.value.attempts) == ("42501", 1)


def test_an_unknown_function_is_told(
    client: Client, campaign_id: uuid.UUID, owner_engine: Engine
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text("alter function update_campaign_statistics(uuid) rename to gone"))
    with pytest.raises(StoredFunctionError, match="reload its schema cache") as caught:
        SupabaseStore(client).update_campaign_statistics(campaign_id)
    assert caught.value.error_code == "PGRST202"
    assert caught.value.attempts == 1


def test_a_lock_that_is_held_is_waited_out(
    client: Client, campaign_id: uuid.UUID, owner_engine: Engine, database_url: Any
) -> None:
    with owner_engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
            f'alter database "{database_url.database}" set lock_timeout = 50'
        )
    owner_engine.dispose()
    holder = owner_engine.connect()
    holder.execute(
        text("select from gmaps_campaigns where id = :id for update"), {"id": campaign_id}
    )
    timer = threading.Timer(0.5, holder.rollback)
    timer.start()
    try:
        store = SupabaseStore(client, policies=QUICK)
        assert store.update_campaign_statistics(campaign_id).total_businesses == 0
    finally:
        timer.join()
        holder.close()


def test_a_server_that_is_down_is_told_and_tried_again(nowhere: Client) -> None:
    policy = RetryPolicy(attempts=3, first_wait=0.001)
    with pytest.raises(DatabaseConnectionError, match="The connection failed") as caught:
        SupabaseStore(nowhere, policies=policy).update_campaign_statistics(uuid.uuid4())
    assert (caught.value.attempts, caught.value.retry_recommended) == (3, True)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway() as server:
        yield server


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (401, '{"message": "Invalid API key"}', "The API refused the key"),
        (401, '{"code": "PGRST301", "message": "JWT expired"}', "The API refused the key"),
        (403, '{"code": "42501", "message": "permission denied"}', "role may not call"),
        (401, '{"code": "42501", "message": "permission denied"}', "role may not call"),
    ],
)
def test_a_key_that_is_refused_is_told(gateway: Gateway, status: int, body: str, told: str) -> None:
    gateway.answer = status, body
    with pytest.raises(StoredFunctionError, match=told) as caught:
        SupabaseStore(gateway.client()).update_campaign_statistics(uuid.uuid4())
    assert (caught.value.attempts, caught.value.retry_recommended) == (1, False)


def test_a_timeout_is_told(api: Any, campaign_id: uuid.UUID, owner_engine: Engine) -> None:
    options = ClientOptions(httpx_client=httpx.Client(timeout=0.2))
    store = SupabaseStore(create_client(api.url, api.service_key, options), policies=NO_RETRY)
    # The first request takes longer: the API reads the schema.
    SupabaseStore(create_client(api.url, api.service_key)).update_campaign_statistics(campaign_id)
    with owner_engine.begin() as connection:
        connection.execute(
            text("select from gmaps_campaigns where id = :id for update"), {"id": campaign_id}
        )
        with pytest.raises(DatabaseConnectionError, match="Timeout"):
            store.update_campaign_statistics(campaign_id)


def test_what_python_itself_refuses_is_never_sent(nowhere: Client) -> None:
    with pytest.raises(InvalidInputError, match="p_cost_usd"):
        SupabaseStore(nowhere).track_campaign_cost(uuid.uuid4(), "bouncer", 1, 0.1)  # type: ignore[arg-type]


def test_a_number_that_json_has_not_is_told_with_its_place_and_nothing_is_written(
    client: Client, campaign_id: uuid.UUID, rows: Callable[..., list[Any]]
) -> None:
    records = [{"place_id": "first", "name": "A"}, {"place_id": "second", "name": "B"}]
    for value in (float("inf"), float("nan"), 10**5000):
        records[1]["reviews"] = [{"stars": value}]  # type: ignore[assignment]
        with pytest.raises(InvalidInputError, match=r"p_businesses\[1\]\.reviews\[0\]\.stars"):
            SupabaseStore(client).insert_businesses_batch(campaign_id, "00100", records)
    assert rows(businesses) == []


def test_a_decimal_beyond_every_column_is_refused_or_kept_as_it_is(
    client: Client, campaign_id: uuid.UUID, rows: Callable[..., list[Any]], row: Any
) -> None:
    manager = GmapsSupabaseManager(client)
    cost = {"campaign_id": campaign_id, "service": "bouncer", "items_processed": 1}
    for value in ("1e400", "-1e400", "1e200000", "1e-20000", "NaN", "Infinity"):
        number = Decimal(value)
        with pytest.raises(InvalidInputError, match="p_cost_usd is"):
            manager.track_campaign_cost(campaign_id, "bouncer", 1, number)
        if value != "1e-20000":
            with pytest.raises(InvalidInputError, match=r"p_costs\[0\].*cost_usd"):
                manager.track_campaign_costs([{**cost, "cost_usd": number}])
            with pytest.raises(InvalidInputError, match="estimated_cost"):
                manager.create_campaign({"name": "x", "estimated_cost": number})
        record = {"place_id": value, "name": "A", "rating": number, "latitude": number}
        assert manager.save_businesses(campaign_id, "00100", [record]).inserted == 1
        business = row(businesses, place_id=value)
        assert (business.rating, business.latitude) == (None, None)
        assert Decimal(business.raw_data["rating"]) == number or value == "NaN"
    assert rows(api_costs) == []


def test_json_that_is_nested_too_deeply_is_told_at_whatever_depth(client: Client) -> None:
    told = set()
    for depth in range(850, 1000, 5):
        deep: Any = 1
        for _ in range(depth):
            deep = [deep]
        try:
            SupabaseStore(client).update_enrichment_batch("facebook", [{"x": deep}])
        except InvalidInputError as error:
            told.add(error.error_code)
    assert told == {"22023"}
