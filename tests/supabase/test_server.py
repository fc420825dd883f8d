"""The API server of these tests behaves as PostgREST where the clients depend on it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from supabase import create_client

from campaigndb.http.supabase_store import SupabaseStore
from tests.conftest import APP_ROLE
from tests.migrations.catalog import connect
from tests.supabase.api_server import BOTH_APIS, Api


def rpc(api: Api, key: str, function: str, **parameters: Any) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"{api.url}/rest/v1/rpc/{function}",
        json.dumps(parameters).encode(),
        {"apikey": key, "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@BOTH_APIS
def test_a_cost_runs_at_the_level_of_its_functions_setting(
    api: Api, campaign_id: uuid.UUID
) -> None:
    status, envelope = rpc(
        api,
        api.service_key,
        "track_campaign_cost",
        p_campaign_id=str(campaign_id),
        p_service="google_maps",
        p_items_processed=1,
        p_cost_usd="0.0070",
    )
    assert (status, envelope.get("new_total")) == (200, 0.007), envelope


@pytest.mark.parametrize("api", ["postgrest"], indirect=True)
def test_get_on_a_function_that_writes_says_that_it_needs_post(
    api: Api, campaign_id: uuid.UUID
) -> None:
    path = f"rest/v1/rpc/update_campaign_statistics?p_campaign_id={campaign_id}"
    request = urllib.request.Request(f"{api.url}/{path}", headers={"apikey": api.service_key})
    with urllib.request.urlopen(request, timeout=30) as response:
        envelope = json.load(response)
    assert (envelope["success"], envelope["error_code"]) == (False, "25006")
    assert "call it with POST" in envelope["error"]


@pytest.mark.parametrize("api", ["postgrest"], indirect=True)
def test_a_request_has_the_bounds_of_its_login_role_and_of_its_own_role(
    api: Api,
) -> None:
    with connect(api.database_url) as holder:
        body = "select current_setting('lock_timeout') || current_setting('statement_timeout')"
        holder.execute(f"create function held() returns text language sql as $${body}$$")
        holder.execute("grant execute on function held() to public")
        holder.execute(f"alter role {APP_ROLE} set statement_timeout to '60s'")
        try:
            assert rpc(api, api.service_key, "held") == (200, "8s1min")
        finally:
            holder.execute(f"alter role {APP_ROLE} reset statement_timeout")


@pytest.mark.parametrize("api", [2], indirect=True)
def test_rows_are_cut_without_a_word_and_the_client_asks_on(
    api: Api, campaign_id: uuid.UUID, add_business: Callable[..., Any]
) -> None:
    for number in range(5):
        add_business(str(number))
    asked = {"p_campaign_id": str(campaign_id), "p_enrichment_type": "facebook", "p_limit": 5}
    status, rows = rpc(api, api.service_key, "get_businesses_for_enrichment", **asked)
    assert (status, len(rows)) == (200, 2)
    store = SupabaseStore(create_client(api.url, api.service_key))
    assert len(store.get_businesses_for_enrichment(campaign_id, "facebook", 5)) == 5


@BOTH_APIS
@pytest.mark.parametrize("key", ["service", "anon", "no"])
def test_only_the_service_key_may_call(api: Api, campaign_id: uuid.UUID, key: str) -> None:
    name = "update_campaign_statistics"
    keys = {"service": api.service_key, "anon": api.anon_key, "no": "sb_publishable_unknown"}
    status, answer = rpc(api, keys[key], name, p_campaign_id=str(campaign_id))
    if key == "service":
        assert (status, answer["success"]) == (200, True)
    else:
        assert status in (401, 403)
        assert "success" not in answer
