"""A search over every column of every table, and somebody who is in many of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

from campaigndb.tables import businesses, metadata

PERSON = {
    "person_name": "Anna Virtanen",
    "person_title": "Head of Steam",
    "person_profile_url": "https://linkedin.com/in/anna-virtanen",
}


@pytest.fixture
def found(owner_engine: Engine) -> Callable[..., dict[str, int]]:
    """Rows, by table, that hold one of these texts anywhere, in any letter case."""
    tables = [name for name in metadata.tables if not name.startswith("gmaps_cost_gate")]
    query = text(
        " union all ".join(
            f"select '{table}', count(*) from {table} as r where r::text ilike any (:words)"
            for table in tables
        )
    )

    def search(*words: str) -> dict[str, int]:
        with owner_engine.connect() as connection:
            counts = connection.execute(query, {"words": [f"%{each}%" for each in words]})
            return {table: count for table, count in counts if count}

    return search


@pytest.fixture
def known(store: Any, campaign_id: Any, row: Any, found: Any) -> Any:
    """The business that Anna works for, which is full of her."""
    store.insert_businesses_batch(
        campaign_id,
        "00100",
        [
            {
                "place_id": "hall",
                "name": "Hall",
                "emails": ["Anna@Shop.fi", "info@shop.fi"],
                "description": "Ask ANNA@shop.fi.\nanna@SHOP.fi, joanna@shop.fi",
                "facebook_url": "https://facebook.com/hall",
                "leadsEnrichment": [
                    {
                        "fullName": "Anna Virtanen",
                        "jobTitle": "Head of Steam",
                        "email": "anna@shop.fi",
                    },
                    {"fullName": "Eero Salo", "email": "eero@shop.fi"},
                ],
                "email_1": "anna@shop.fi",
                "email_1_full_name": "Anna Virtanen",
                "mailto": "mailto:anna%40shop.fi?subject=Hello",
            }
        ],
    )
    business = row(businesses, place_id="hall").id
    store.update_enrichment_batch(
        "facebook",
        [
            {
                "business_id": business,
                "emails": ["ANNA@SHOP.FI", "hall@shop.fi"],
                "page_name": "Hall",
            }
        ],
    )
    store.update_enrichment_batch(
        "linkedin",
        [
            {
                "business_id": business,
                "linkedin_url": PERSON["person_profile_url"],
                "company_name": "Hall Oy",
                "emails_found": ["anna@shop.fi"],
                "emails_generated": ["a.virtanen@shop.fi"],
                **PERSON,
            }
        ],
    )
    store.update_email_verification(
        business,
        "anna@shop.fi",
        {"status": "deliverable", "firstname": "Anna", "email": "Anna@shop.fi"},
    )
    store.update_email_verification(
        business, "info@shop.fi", {"status": "risky", "suggestion": "anna@shop.fi"}
    )
    store.set_lead_texts([{"business_id": business, "icebreaker": "Dear Anna Virtanen"}])
    store.track_campaign_cost(campaign_id, "bouncer", 1, "0.008", {"email": "anna@shop.fi"})
    assert row(businesses, place_id="hall").email == "Anna@Shop.fi"
    assert len(found("anna@shop.fi")) > 5
    return business
