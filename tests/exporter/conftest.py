"""Leads with everything that is hard to export."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from campaigndb import CampaignStore
from tests.exporter.hard_texts import HARD


@pytest.fixture
def add_lead(
    store: CampaignStore, add_business: Callable[..., uuid.UUID]
) -> Callable[..., uuid.UUID]:
    """A business whose address is safe."""

    def add(place_id: str, email: str | None = None, **record: Any) -> uuid.UUID:
        email = email or f"{place_id}@kauppahalli.fi"
        business_id = add_business(place_id, email=email, **record)
        store.update_email_verification(business_id, email, {"status": "deliverable"})
        return business_id

    return add


@pytest.fixture
def hard_leads(add_lead: Callable[..., uuid.UUID]) -> dict[str, str]:
    """A lead for each of the texts, by its place."""
    for place_id, name in HARD.items():
        add_lead(
            place_id,
            name=name,
            phone="+358961281300",
            postal_code="00100",
            description=name,
            rating=4.5,
            latitude=60.123456789,
            categories=["A, b", 'c"d'],
            hours={"monday": "8-18", "tuesday": ["9", "10"]},
        )
    return HARD
