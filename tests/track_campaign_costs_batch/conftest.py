"""Two campaigns, and one cost of a batch as callers write it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from campaigndb import CampaignStore

NewCost = Callable[..., dict[str, Any]]


@pytest.fixture
def campaign_id(store: CampaignStore) -> uuid.UUID:
    return store.create_campaign_with_coverage({"name": "Helsinki"}).campaign_id


@pytest.fixture
def other_campaign_id(store: CampaignStore) -> uuid.UUID:
    return store.create_campaign_with_coverage({"name": "Tampere"}).campaign_id


@pytest.fixture
def new_cost(campaign_id: uuid.UUID) -> NewCost:
    """A valid cost of the first campaign; `key` is its idempotency key."""

    def make(cost_usd: Any = 1, *, key: str | None = None, **changed: Any) -> dict[str, Any]:
        cost = {
            "campaign_id": campaign_id,
            "service": "facebook",
            "items_processed": 1,
            "cost_usd": cost_usd,
        }
        if key is not None:
            cost["metadata"] = {"idempotency_key": key}
        return cost | changed

    return make
