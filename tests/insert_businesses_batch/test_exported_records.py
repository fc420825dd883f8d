"""Records that were exported bring back what was found out about the lead."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from campaigndb.tables import business_emails, businesses, metadata


@pytest.fixture
def record(store, campaign_id, add_business, owner_engine) -> dict[str, Any]:
    """A lead as it was exported from a database that is gone."""
    email = "full@kauppahalli.fi"
    business_id = add_business("full", email=email, facebook_url="https://www.facebook.com/full")
    store.update_email_verification(business_id, email, {"status": "deliverable"})
    store.update_enrichment_batch(
        "facebook", [{"business_id": business_id, "page_name": "Old page", "page_likes": 1}]
    )
    store.update_enrichment_batch(
        "linkedin", [{"business_id": business_id, "person_name": "Aino Virtanen"}]
    )
    store.set_lead_texts([{"business_id": business_id, "icebreaker": "Hello Aino"}])
    with owner_engine.begin() as connection:
        exported = connection.exec_driver_sql(
            "select to_jsonb(lead) from get_campaign_leads(%s) as lead", (campaign_id,)
        ).scalar_one()
        connection.exec_driver_sql("delete from gmaps_campaigns")
    return exported


@pytest.fixture
def campaign(store, record) -> Any:
    return store.create_campaign_with_coverage({"name": "Elsewhere"}, []).campaign_id


def test_nothing_is_paid_for_again(store, record, campaign) -> None:
    store.insert_businesses_batch(campaign, None, [record])
    for kind in ("facebook", "linkedin"):
        assert not store.claim_businesses_for_enrichment(campaign, kind).businesses
    assert not store.claim_emails_for_verification(campaign).emails
    [lead] = store.iter_leads(campaign)
    assert lead.bouncer_verified_at == datetime.fromisoformat(record["bouncer_verified_at"])


def test_what_is_known_is_not_replaced_by_what_is_older(
    store, record, campaign, add_business
) -> None:
    business_id = add_business("full", owner=campaign, email=record["email"])
    store.update_email_verification(business_id, record["email"], {"status": "undeliverable"})
    store.update_enrichment_batch(
        "facebook", [{"business_id": business_id, "page_name": "New page"}]
    )
    store.set_lead_texts([{"business_id": business_id, "icebreaker": "Hello"}])

    assert store.insert_businesses_batch(campaign, None, [record]).updated == 1

    [lead] = store.iter_leads(campaign, {"emails": "any"})
    assert (lead.bouncer_status, lead.page_name, lead.icebreaker) == (
        "undeliverable", "New page", "Hello"
    )  # fmt: skip
    # What is not known here is not older.
    assert lead.person_name == "Aino Virtanen"


def test_a_newer_verdict_replaces_an_older_one(store, record, campaign, owner_engine) -> None:
    store.insert_businesses_batch(campaign, None, [record])
    newer = {
        **record,
        "bouncer_status": "undeliverable",
        "is_safe": False,
        "bouncer_verified_at": re.sub(r"T.*", "T23:59:59.999999+00:00", record["changed_at"]),
    }
    with owner_engine.begin() as connection:
        connection.exec_driver_sql(
            "update gmaps_business_emails set verified_at = verified_at - interval '1 day'"
        )
        connection.exec_driver_sql(
            "update gmaps_businesses"
            " set bouncer_verified_at = bouncer_verified_at - interval '1 day'"
        )
    store.insert_businesses_batch(campaign, None, [newer])
    [lead] = store.iter_leads(campaign, {"emails": "any"})
    assert (lead.bouncer_status, lead.is_safe) == ("undeliverable", False)
    # A time to come would keep every later verdict out.
    assert lead.bouncer_verified_at <= datetime.now(lead.bouncer_verified_at.tzinfo)


def test_the_same_file_again_changes_nothing(store, record, campaign, nothing_changes) -> None:
    assert store.insert_businesses_batch(campaign, None, [record, record]).inserted == 1
    with nothing_changes():
        assert store.insert_businesses_batch(campaign, None, [record]).skipped == 1


def test_a_dirty_field_costs_no_record(store, record, campaign) -> None:
    dirty = (
        ("bouncer_verified_at", "yesterday"),
        ("bouncer_verified_at", "2026-02-31T10:00:00+00:00"),
        ("bouncer_status", ["x"]),
        ("bouncer_score", "many"),
        ("bouncer_score", 10**400),
        ("is_safe", 7),
        ("page_likes", "a lot"),
        ("page_name", {"a": 1}),
        ("facebook_phones", "x"),
        ("linkedin_phones", 5),
        ("person_name", []),
        ("icebreaker", [1]),
        ("email", 5),
        ("zip_code", {}),
        ("business_id", None),
    )
    records = [
        {**record, "place_id": f"p{number}", "email": f"p{number}@shop.fi", name: value}
        for number, (name, value) in enumerate(dirty)
    ]
    clean = {**record, "place_id": "clean", "email": "clean@shop.fi"}
    result = store.insert_businesses_batch(campaign, None, [*records, clean])
    assert (result.inserted, result.rejected) == (len(dirty) + 1, ())
    leads = {lead.place_id: lead for lead in store.iter_leads(campaign, {"emails": "any"})}
    assert (leads["clean"].bouncer_status, leads["clean"].person_name) == (
        "deliverable", "Aino Virtanen"
    )  # fmt: skip


def test_a_suppressed_address_stays_out(store, record, campaign, rows) -> None:
    store.suppress_contacts([{"email": record["email"]}])
    store.insert_businesses_batch(campaign, None, [record])
    assert list(store.iter_leads(campaign, {"emails": "any"})) == []
    assert rows(business_emails) == []


def test_imports_of_the_same_leads_at_once_all_go_in(store, record, campaign, rows, rng) -> None:
    campaigns = [campaign, store.create_campaign_with_coverage({"name": "Other"}, []).campaign_id]

    def insert(call: int) -> int:
        # Of each campaign two at once, whose places and addresses overlap in another order.
        owner = call % 2
        records = [
            {
                **record,
                "place_id": f"{number}-{owner}",
                "email": f"shop{number}@shop.fi",
                "city": f"{call}",
            }
            for number in orders[call]
        ]
        result = store.insert_businesses_batch(campaigns[owner], None, records)
        return result.inserted + result.updated

    orders = [rng.sample(range(30), 25) for _ in range(16)]
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(insert, range(len(orders)))) == {25}
    assert {row.bouncer_status for row in rows(businesses)} == {"deliverable"}


@pytest.mark.parametrize("source", ["google_maps", "linkedin"])
@pytest.mark.parametrize("erased_first", [True, False])
def test_who_was_erased_stays_out(
    store, record, campaign, owner_engine, source, erased_first
) -> None:
    given = {**record, "email_source": source}
    if erased_first:
        store.erase_contact(record["email"])
        store.insert_businesses_batch(campaign, None, [given])
    else:
        store.insert_businesses_batch(campaign, None, [given])
        store.erase_contact(record["email"])
    with owner_engine.connect() as connection:
        everything = "".join(
            connection.exec_driver_sql(
                f"select coalesce(string_agg(each::text, ' '), '') from {table} as each"
            ).scalar_one()
            for table in metadata.tables
        )
    assert record["email"] not in everything
    assert "Hello Aino" not in everything
    if source == "linkedin" or erased_first:
        assert "Virtanen" not in everything
