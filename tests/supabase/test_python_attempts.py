"""An attempt whose answer never comes, on a connection that stays open: how long is waited."""

from __future__ import annotations

import json
import math
import time
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
from supabase import ClientOptions, create_client

from campaigndb import DatabaseConnectionError
from campaigndb.calling.retries import COST_POLICY, DEFAULT_POLICY, NO_RETRY, RetryPolicy
from campaigndb.http.gmaps_supabase_manager import GmapsSupabaseManager
from campaigndb.http.supabase_store import SupabaseStore
from campaigndb.tables import api_costs
from tests.supabase.api_server import Api
from tests.supabase.gateway import SwallowingGateway


@pytest.fixture
def swallowing(api: Api) -> Iterator[Callable[[int], SwallowingGateway]]:
    """`swallowing(2)`: the answers of the first two requests never come."""
    gateways: list[SwallowingGateway] = []

    def start(swallowed: int) -> SwallowingGateway:
        gateways.append(SwallowingGateway(api, swallowed).__enter__())
        return gateways[-1]

    yield start
    for gateway in gateways:
        gateway.__exit__()


def keys(gateway: SwallowingGateway) -> set[str]:
    return {json.loads(body)["p_metadata"]["idempotency_key"] for body in gateway.requests}


def test_an_attempt_that_hangs_is_ended_and_made_again_with_the_same_key(
    swallowing: Callable[[int], SwallowingGateway],
    api: Api,
    campaign_id: uuid.UUID,
    rows: Callable[..., list[Any]],
) -> None:
    # The first request takes longer: the API reads the schema.
    direct = SupabaseStore(create_client(api.url, api.service_key))
    direct.track_campaign_cost(campaign_id, "bouncer", 1, "1")
    gateway = swallowing(1)
    manager = GmapsSupabaseManager(gateway.client(), attempt_timeout=2)
    started = time.monotonic()
    tracked = manager.track_campaign_cost(campaign_id, "bouncer", 1, "0.5")
    assert time.monotonic() - started < 20
    assert (tracked.replayed, tracked.new_total) == (True, Decimal("1.5"))
    assert (len(gateway.requests), len(keys(gateway))) == (2, 1)
    assert len(rows(api_costs, campaign_id=campaign_id)) == 2


def test_attempts_that_all_hang_end_by_the_deadline(
    swallowing: Callable[[int], SwallowingGateway], campaign_id: uuid.UUID
) -> None:
    gateway = swallowing(99)
    policy = RetryPolicy(deadline=3, first_wait=0.001)
    started = time.monotonic()
    with pytest.raises(DatabaseConnectionError, match="Timeout") as caught:
        SupabaseStore(gateway.client(), policies=policy).track_campaign_cost(
            campaign_id, "bouncer", 1, "0.5"
        )
    assert time.monotonic() - started < 20
    assert (caught.value.attempts, caught.value.retry_recommended) == (3, True)
    assert len(keys(gateway)) == 1


def test_a_bound_of_the_clients_own_that_is_shorter_holds(
    swallowing: Callable[[int], SwallowingGateway], campaign_id: uuid.UUID
) -> None:
    gateway = swallowing(99)
    options = ClientOptions(httpx_client=httpx.Client(timeout=0.2))
    store = SupabaseStore(gateway.client(options), policies=NO_RETRY, attempt_timeout=60)
    started = time.monotonic()
    with pytest.raises(DatabaseConnectionError, match="Timeout"):
        store.update_campaign_statistics(campaign_id)
    assert time.monotonic() - started < 20


def test_only_an_attempt_that_may_be_repeated_has_a_share_of_the_deadline(api: Api) -> None:
    store = SupabaseStore(create_client(api.url, api.service_key))
    assert store._longest_attempt(DEFAULT_POLICY, 1) == pytest.approx(10)
    assert store._longest_attempt(COST_POLICY, 199) == pytest.approx(20)
    assert store._longest_attempt(COST_POLICY, 200) == math.inf
    assert store._longest_attempt(NO_RETRY, 1) == math.inf
    assert store._longest_attempt(RetryPolicy(deadline=0), 1) == math.inf


def test_other_requests_of_the_client_keep_its_own_timeout(
    swallowing: Callable[[int], SwallowingGateway], campaign_id: uuid.UUID
) -> None:
    client = swallowing(0).client()
    SupabaseStore(client, attempt_timeout=5).update_campaign_statistics(campaign_id)
    seen: list[dict[str, float]] = []
    client.postgrest.session.event_hooks["request"].append(
        lambda request: seen.append(request.extensions["timeout"])
    )
    client.rpc("update_campaign_statistics", {"p_campaign_id": str(campaign_id)}).execute()
    assert [timeouts["read"] for timeouts in seen] == [120]


def test_a_bound_that_makes_no_sense_is_refused(api: Api) -> None:
    for bound in (0, -1, math.nan):
        with pytest.raises(ValueError, match="attempt_timeout"):
            SupabaseStore(create_client(api.url, api.service_key), attempt_timeout=bound)
