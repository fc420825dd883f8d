"""What the tests of claims share: a campaign with a queue, and a clock that can be moved on."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

from campaigndb import CampaignStore


@pytest.fixture
def claim(raw_call, campaign_id: uuid.UUID) -> Callable[..., Any]:
    """`claim("facebook", limit=3, worker="w1")`: the answer, whose `items` are what was claimed."""

    def call(kind: str, owner: uuid.UUID = campaign_id, **options: Any) -> Any:
        parameters = {"p_campaign_id": owner} | {f"p_{k}": v for k, v in options.items()}
        if kind == "coverage":
            answer = raw_call("claim_coverage", **parameters)
            answer["items"] = [item["zip_code"] for item in answer.get("zip_codes", ())]
        elif kind == "verification":
            answer = raw_call("claim_emails_for_verification", **parameters)
            answer["items"] = [item["email"] for item in answer.get("emails", ())]
        else:
            answer = raw_call(
                "claim_businesses_for_enrichment", p_enrichment_type=kind, **parameters
            )
            answer["items"] = [item["place_id"] for item in answer.get("businesses", ())]
        return answer

    return call


@pytest.fixture
def later(owner_engine: Engine) -> Callable[[str], None]:
    """`later("16 minutes")`: everything that expires does so this much earlier."""

    def move(interval: str) -> None:
        with owner_engine.begin() as connection:
            connection.execute(
                text(
                    "update gmaps_lookups set due_at = due_at - cast(:by as interval)"
                    " where due_at < 'infinity'"
                ),
                {"by": interval},
            )

    return move


@pytest.fixture
def places(store: CampaignStore, campaign_id: uuid.UUID) -> Callable[..., list[str]]:
    """`places(3)`: stores so many places with a page and an address of their own; their ids."""

    def add(count: int, owner: uuid.UUID = campaign_id, prefix: str = "p") -> list[str]:
        ids = [f"{prefix}{number:05}" for number in range(count)]
        store.insert_businesses_batch(
            owner,
            "00100",
            [
                {
                    "place_id": place,
                    "name": "Kauppahalli",
                    "email": f"hei@{place}.fi",
                    "facebook_url": f"https://facebook.com/{place}",
                    "linkedin_url": f"https://www.linkedin.com/company/{place}",
                }
                for place in ids
            ],
        )
        return ids

    return add
