"""A database of an earlier release: every address and every verdict goes up, and what fits down."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy.engine import URL

from campaigndb.migrations.commands import downgrade, upgrade
from campaigndb.settings import Settings
from tests.migrations.catalog import connect

SETTINGS = Settings(_env_file=None)
CAMPAIGN = "11111111-1111-1111-1111-111111111111"


@pytest.fixture
def query(database_url: URL):
    def run(text: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with connect(database_url) as connection:
            done = connection.execute(text.encode(), parameters)
            return done.fetchall() if done.description else []

    return run


def call(query, function: str, *arguments: Any) -> dict[str, Any]:
    places = ", ".join(["%s"] * len(arguments))
    given = [json.dumps(a) if isinstance(a, (dict, list)) else a for a in arguments]
    [(envelope,)] = query(f"select {function}({places})", *given)
    assert envelope["success"], envelope
    return envelope


def fill(query) -> dict[str, str]:
    call(query, "create_campaign_with_coverage", {"id": CAMPAIGN, "name": "Old"}, [])
    places = [
        {"placeId": f"p{n}", "title": "Hall", "emails": [f"first{n}@x.fi", f"second{n}@x.fi"]}
        for n in range(700)
    ]
    call(query, "insert_businesses_batch", CAMPAIGN, "1", places)
    ids = {p: str(i) for p, i in query("select place_id, id from gmaps_businesses")}
    call(
        query, "update_enrichment_batch", "facebook",
        [{"business_id": ids["p0"], "emails": ["fb@x.fi", "fb2@x.fi"], "primary_email": "fb@x.fi"}],
    )  # fmt: skip
    call(
        query,
        "update_enrichment_batch",
        "linkedin",
        [
            {
                "business_id": ids["p1"],
                "emails_generated": ["guess@x.fi"],
                "email_source": "generated",
            }
        ],
    )
    for place, email, status in (
        ("p0", "fb@x.fi", "undeliverable"),
        ("p2", "first2@x.fi", "deliverable"),
        ("p3", "first3@x.fi", "risky"),
        ("p4", "first4@x.fi", "unknown"),
    ):
        data = {"status": status, "score": 7, "is_role_based": True, "is_gibberish": False}
        call(query, "update_email_verification", ids[place], email, data)
    return ids


def test_every_address_and_verdict_goes_up_and_what_fits_goes_down(
    database_url: URL, query
) -> None:
    downgrade(database_url, "0010", settings=SETTINGS)
    fill(query)
    before = query(
        "select place_id, email, bouncer_status, email_verified from gmaps_businesses order by 1"
    )
    upgrade(database_url, settings=SETTINGS)
    stored = {
        (place, email): (source, status, score, gibberish)
        for place, email, source, status, score, gibberish in query(
            "select b.place_id, e.email, e.source, e.status, e.score, e.is_gibberish"
            " from gmaps_business_emails e join gmaps_businesses b on b.id = e.business_id"
        )
    }
    assert len(stored) == 700 * 2 + 3
    assert stored["p0", "fb@x.fi"] == ("facebook", "undeliverable", 7, False)
    assert stored["p0", "fb2@x.fi"] == ("facebook", None, None, None)
    assert stored["p1", "guess@x.fi"] == ("generated", None, None, None)
    assert stored["p2", "first2@x.fi"] == ("google_maps", "deliverable", 7, False)
    assert stored["p3", "first3@x.fi"] == ("google_maps", "risky", 7, False)
    assert stored["p4", "first4@x.fi"] == ("google_maps", "unknown", 7, False)
    chosen = {
        place: rest
        for place, *rest in query(
            "select place_id, email, email_source, email_verified from gmaps_businesses"
        )
    }
    assert chosen["p0"] == ["fb2@x.fi", "facebook", False]
    assert chosen["p1"] == ["first1@x.fi", "google_maps", False]
    assert chosen["p2"] == ["first2@x.fi", "google_maps", True]
    assert chosen["p3"] == ["second3@x.fi", "google_maps", False]
    assert chosen["p699"] == ["first699@x.fi", "google_maps", False]

    downgrade(database_url, "0010", settings=SETTINGS)
    after = query(
        "select place_id, email, bouncer_status, email_verified from gmaps_businesses order by 1"
    )
    # Those whose choice is another one now keep it.
    assert [row for row in before if row not in after] == [
        row for row in before if row[0] in ("p0", "p1", "p3")
    ]
    upgrade(database_url, settings=SETTINGS)
    [(count,)] = query("select count(*) from gmaps_business_emails")
    assert count == 700 * 2 + 3
