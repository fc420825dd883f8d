"""Leads: businesses with an address that was verified."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from campaigndb import CampaignStore


@pytest.fixture
def add_lead(
    store: CampaignStore, add_business: Callable[..., uuid.UUID]
) -> Callable[..., uuid.UUID]:
    """A business whose address has this verdict: `add_lead("a", status="risky")`."""

    def add(
        place_id: str, email: str | None = None, status: str | None = "deliverable", **record: Any
    ) -> uuid.UUID:
        email = email or f"{place_id}@kauppahalli.fi"
        business_id = add_business(place_id, email=email, **record)
        if status is not None:
            store.update_email_verification(business_id, email, {"status": status})
        return business_id

    return add
