"""The API server of these tests behaves as PostgREST where the clients depend on it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from typing import Any

import pytest

from tests.supabase.api_server import Api


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
    assert (status, envelope["success"], envelope["new_total"]) == (200, True, 0.007)


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
