"""Separate processes on the same campaign at once: exact sums, no deadlock, no lost call."""

import random
import threading
import time
import uuid
from decimal import Decimal

from sqlalchemy import text

from campaigndb.tables import (
    api_costs,
    businesses,
    campaign_coverage,
    campaigns,
    email_verifications,
    facebook_enrichments,
    linkedin_enrichments,
)
from campaigndb.tables.campaigns import SERVICE_COST_COLUMNS
from tests.support.waiting import wait_until_blocked

SERVICES = tuple(SERVICE_COST_COLUMNS)


def totals_agree_with_the_ledger(row, rows, campaign_id):
    """Returns the ledger's entries."""
    ledger = rows(api_costs, campaign_id=campaign_id)
    campaign = row(campaigns, id=campaign_id)
    assert campaign.actual_cost == sum(entry.cost_usd for entry in ledger)
    for service, column in SERVICE_COST_COLUMNS.items():
        assert getattr(campaign, column) == sum(
            (entry.cost_usd for entry in ledger if entry.service == service), Decimal(0)
        )
    return ledger


def costs(campaign_id, number, count):
    return [
        (
            "track_campaign_cost",
            (campaign_id, SERVICES[(number + i) % 4], i, Decimal(number * 100 + i) / 10_000),
        )
        for i in range(count)
    ]


def test_ten_processes_track_costs_at_once(crew, campaign_id, row, rows) -> None:
    work = [costs(campaign_id, number, 10) for number in range(10)]

    results = [tracked for tracked_by_one in crew.work(*work) for tracked in tracked_by_one]

    ledger = totals_agree_with_the_ledger(row, rows, campaign_id)
    assert {tracked.cost_id for tracked in results} == {entry.id for entry in ledger}
    assert len(ledger) == len(results) == 100
    assert row(campaigns).actual_cost == sum(call[1][3] for calls in work for call in calls)
    # One after the other: each total is the one before plus one entry's cost.
    in_order = sorted(ledger, key=lambda entry: (entry.running_total, entry.cost_usd == 0))
    assert {tracked.new_total for tracked in results} == {e.running_total for e in in_order}
    totals = [entry.running_total for entry in in_order if entry.cost_usd > 0]
    assert len(set(totals)) == len(totals)
    assert totals[-1] == row(campaigns).actual_cost
    assert not any(tracked.replayed for tracked in results)
    assert crew.new_deadlocks == 0


def test_ten_processes_with_the_same_key_charge_once(crew, campaign_id, row, rows) -> None:
    call = (
        "track_campaign_cost",
        (campaign_id, "bouncer", 1, Decimal("0.1"), {"idempotency_key": "the same"}),
    )
    results = [tracked for [tracked] in crew.work(*[[call]] * 10)]
    [entry] = totals_agree_with_the_ledger(row, rows, campaign_id)
    assert {tracked.cost_id for tracked in results} == {entry.id}
    assert sorted(tracked.replayed for tracked in results) == [False] + [True] * 9
    assert {tracked.new_total for tracked in results} == {Decimal("0.1")}


def test_five_processes_count_at_once(crew, store, campaign_id, row) -> None:
    store.insert_businesses_batch(
        campaign_id,
        "1",
        [{"place_id": str(n), "name": "x", "email": f"{n}@x.fi"} for n in range(500)],
    )
    results = crew.work(*[[("update_campaign_statistics", (campaign_id,))] * 5] * 5)
    assert {
        (counted.total_businesses, counted.total_emails)
        for counted_by_one in results
        for counted in counted_by_one
    } == {(500, 500)}
    assert row(campaigns).total_emails_found == 500
    assert crew.new_deadlocks == 0


def overlapping_batches(places, number, size, seed):
    """Each batch is a shuffled part of the same places, with a city of its own."""
    chance = random.Random(seed)
    return [
        [place | {"city": f"city {batch}"} for place in chance.sample(places, size)]
        for batch in range(number)
    ]


def test_twenty_overlapping_shuffled_batches_insert_each_place_once(
    crew, campaign_id, rows, helsinki_places
) -> None:
    batches = overlapping_batches(helsinki_places[:300], 20, 200, seed=20)
    found = {record["placeId"] for batch in batches for record in batch}
    calls = [("insert_businesses_batch", (campaign_id, "00100", batch)) for batch in batches]

    results = crew.work(*[calls[number::10] for number in range(10)])

    inserted = [result for results_of_one in results for result in results_of_one]
    assert len(inserted) == 20
    assert sum(result.inserted for result in inserted) == len(found)
    for result in inserted:
        assert result.inserted + result.updated + result.skipped == result.total == 200
        assert (result.rejected, result.skipped_other_campaign) == ((), 0)
    stored = rows(businesses)
    assert sorted(business.place_id for business in stored) == sorted(found)
    # Each row is what one of the batches said, whole.
    said = [{record["placeId"]: record for record in batch} for batch in batches]
    for business in stored:
        assert business.city == business.raw_data["city"]
        assert business.raw_data in [batch.get(business.place_id) for batch in said]
    assert crew.new_deadlocks == 0


def test_two_campaigns_that_find_the_same_places_share_none(
    crew, campaign_id, other_campaign_id, rows, helsinki_places
) -> None:
    batches = overlapping_batches(helsinki_places[:200], 12, 150, seed=2)
    found = {record["placeId"] for batch in batches for record in batch}
    owners = [campaign_id, other_campaign_id] * 6
    work = [
        [("insert_businesses_batch", (owner, "00100", batch))]
        for owner, batch in zip(owners, batches, strict=True)
    ]
    results = [result for [result] in crew.work(*work[:6])]
    results += [result for [result] in crew.work(*work[6:])]

    stored = rows(businesses)
    assert sorted(business.place_id for business in stored) == sorted(found)
    for campaign in (campaign_id, other_campaign_id):
        assert sum(
            result.inserted
            for owner, result in zip(owners, results, strict=True)
            if owner == campaign
        ) == sum(business.campaign_id == campaign for business in stored)
    owner_of = {business.place_id: business.campaign_id for business in stored}
    for owner, batch, result in zip(owners, batches, results, strict=True):
        foreign = sum(owner_of[record["placeId"]] != owner for record in batch)
        assert result.skipped_other_campaign == foreign
        assert result.inserted + result.updated + result.skipped == result.total
    assert crew.new_deadlocks == 0


def test_everything_at_once_on_one_campaign(
    crew, store, campaign_id, row, rows, helsinki_places
) -> None:
    known, new = helsinki_places[:120], helsinki_places[120:320]
    store.insert_businesses_batch(campaign_id, "00100", known)
    store.track_campaign_cost(campaign_id, "bouncer", 1, "0.0001")
    ids = [business.id for business in rows(businesses)]
    chance = random.Random(5)

    def batches(seed):
        return [
            ("insert_businesses_batch", (campaign_id, "00120", batch))
            for batch in overlapping_batches(known + new, 5, 160, seed)
        ]

    def enrichments(kind):
        calls = []
        for round_ in range(5):
            batch = [
                {"business_id": i, "primary_email": f"{kind}{round_}@x.fi"}
                for i in chance.sample(ids, 80)
            ]
            calls.append(("update_enrichment_batch", (kind, batch)))
        return calls

    with_email = [business for business in rows(businesses) if business.email]
    verifications = [
        ("update_email_verification", (business.id, business.email, {"status": "deliverable"}))
        for business in with_email[:20]
    ]
    # Emails that an enrichment may replace first are nobody's then: these stay.
    store.update_enrichment_batch(
        "facebook",
        [{"business_id": b.id, "emails": [b.email], "success": False} for b in with_email[:20]],
    )
    attempts_before = sum(business.enrichment_attempts for business in rows(businesses))
    coverage = [
        ("update_coverage_status", (campaign_id, zip_code, n, n, "0.5"))
        for n in range(10)
        for zip_code in ("00100", "00120")
    ]
    facebook = [enrichments("facebook"), enrichments("facebook")]
    linkedin = [enrichments("linkedin")]
    work = [
        costs(campaign_id, 1, 15),
        costs(campaign_id, 2, 15),
        [("update_campaign_statistics", (campaign_id,))] * 10,
        batches(1),
        batches(2),
        *facebook,
        *linkedin,
        [("update_campaign_statistics", (campaign_id,)), *coverage],
        [("update_campaign_statistics", (campaign_id,)), *verifications],
    ]

    with_the_first_call = [
        calls
        if calls[0][0] in ("update_campaign_statistics", "track_campaign_cost")
        else [("update_campaign_statistics", (campaign_id,)), *calls]
        for calls in work
    ]
    results = crew.work(*with_the_first_call)

    assert [len(done) for done in results] == [len(calls) for calls in with_the_first_call]
    assert len(totals_agree_with_the_ledger(row, rows, campaign_id)) == 31
    stored = rows(businesses)
    place_ids = [business.place_id for business in stored]
    assert len(set(place_ids)) == len(place_ids)
    assert set(place_ids) >= {record["placeId"] for record in known}
    enriched = [call[1][1] for calls in (*facebook, *linkedin) for call in calls]
    assert sum(business.enrichment_attempts for business in stored) - attempts_before == sum(
        len(batch) for batch in enriched
    )
    linkedin_ids = {item["business_id"] for call in linkedin[0] for item in call[1][1]}
    assert {b.id for b in stored if b.linkedin_enriched} == linkedin_ids
    assert {e.business_id for e in rows(linkedin_enrichments)} == linkedin_ids
    for business in stored:
        if business.id in linkedin_ids:
            # What was verified meanwhile outranks the better source.
            assert business.email_source == "linkedin" or business.email_verified
    assert len({e.business_id for e in rows(facebook_enrichments)}) == len(
        rows(facebook_enrichments)
    )
    assert {c.businesses_found for c in rows(campaign_coverage)} == {9}
    assert len(rows(email_verifications)) == len(verifications)

    counted = store.update_campaign_statistics(campaign_id)
    assert counted.total_businesses == len(stored)
    assert counted.total_emails == sum(business.email is not None for business in stored)
    assert counted.total_verified_emails == sum(
        business.email_verified for business in stored if business.email
    )
    assert crew.new_deadlocks == 0


def test_ten_processes_create_one_campaign(crew, store, campaign_id, rows) -> None:
    new_id = uuid.uuid4()
    call = ("create_campaign_with_coverage", ({"id": new_id, "name": "Espoo"}, ["1", "2"]))
    # The first call only makes all of them wait for the same moment.
    results = crew.work(*[[("update_campaign_statistics", (campaign_id,)), call]] * 10)
    created = [made for _, made in results]
    assert {(made.campaign_id, made.zip_count) for made in created} == {(new_id, 2)}
    assert sorted(made.replayed for made in created) == [False] + [True] * 9
    assert len(rows(campaigns)) == 2
    assert len(rows(campaign_coverage, campaign_id=new_id)) == 2


def test_a_deadlock_would_have_been_counted(crew, owner_engine, campaign_id, add_business) -> None:
    """The control: what the tests above find none of does show where there is one."""
    add_business("a")
    with owner_engine.connect() as first, owner_engine.connect() as second:
        second.execute(text("select from gmaps_businesses for update"))
        first.execute(text("select from gmaps_campaigns for update"))
        waiting = threading.Thread(
            target=lambda: first.execute(text("select from gmaps_businesses for update"))
        )
        waiting.start()
        wait_until_blocked(owner_engine)
        second.execute(text("set deadlock_timeout = '10ms'"))
        envelope = second.execute(
            text("select update_campaign_statistics(:id)"), {"id": campaign_id}
        ).scalar_one()
        assert envelope["error_code"] == "40P01"
        second.rollback()
        waiting.join(30)
        first.rollback()
        second.invalidate()  # its statistics are complete once it has ended
    end = time.monotonic() + 10
    while crew.new_deadlocks == 0 and time.monotonic() < end:
        time.sleep(0.05)
    assert crew.new_deadlocks == 1
