"""A place belongs to the campaign that found it first and is never moved."""

import threading

from campaigndb import CampaignStore
from campaigndb.tables import businesses
from tests.support.waiting import wait_until_blocked


def record(place_id, **fields):
    return {"place_id": place_id, "name": "Kauppahalli", **fields}


def test_another_campaigns_place_is_skipped_and_counted(
    store: CampaignStore, campaign_id, other_campaign_id, row, nothing_changes
) -> None:
    store.insert_businesses_batch(campaign_id, "1", [record("a", city="Helsinki")])

    with nothing_changes():
        result = store.insert_businesses_batch(
            other_campaign_id, "2", [record("a", city="Espoo", email="x@example.com")]
        )

    assert (result.inserted, result.updated, result.skipped, result.total) == (0, 0, 1, 1)
    assert result.skipped_other_campaign == 1
    business = row(businesses)
    assert (business.campaign_id, business.city) == (campaign_id, "Helsinki")


def test_the_other_records_of_the_batch_go_in(
    store: CampaignStore, campaign_id, other_campaign_id, rows
) -> None:
    store.insert_businesses_batch(campaign_id, "1", [record("a"), record("b")])
    result = store.insert_businesses_batch(
        other_campaign_id, "2", [record("a"), record("c"), record("b"), {"place_id": "d"}]
    )
    assert (result.inserted, result.skipped, result.skipped_other_campaign) == (1, 3, 2)
    assert {(b.place_id, b.campaign_id) for b in rows(businesses)} == {
        ("a", campaign_id),
        ("b", campaign_id),
        ("c", other_campaign_id),
    }


def insert_in_a_thread(store, results, *arguments):
    def run() -> None:
        results.append(store.insert_businesses_batch(*arguments))

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_batch_that_waits_for_another_campaigns_sees_whose_the_place_is(
    store: CampaignStore, app_engine, owner_engine, campaign_id, other_campaign_id, rows
) -> None:
    results = []
    with app_engine.begin() as first:
        store.bind(first).insert_businesses_batch(campaign_id, "1", [record("x", city="first")])
        second = insert_in_a_thread(
            store, results, other_campaign_id, "2", [record("w"), record("x", city="second")]
        )
        wait_until_blocked(owner_engine)
        assert results == []
    second.join(30)

    [result] = results
    assert (result.inserted, result.updated, result.skipped, result.total) == (1, 0, 1, 2)
    assert result.skipped_other_campaign == 1
    assert {(b.place_id, b.campaign_id, b.city) for b in rows(businesses)} == {
        ("w", other_campaign_id, None),
        ("x", campaign_id, "first"),
    }


def test_a_batch_that_waits_for_its_own_campaigns_updates_the_place(
    store: CampaignStore, app_engine, owner_engine, campaign_id, row
) -> None:
    results = []
    with app_engine.begin() as first:
        store.bind(first).insert_businesses_batch(campaign_id, "1", [record("x", phone="1")])
        second = insert_in_a_thread(store, results, campaign_id, "2", [record("x", city="Espoo")])
        wait_until_blocked(owner_engine)
    second.join(30)

    [result] = results
    assert (result.inserted, result.updated, result.skipped_other_campaign) == (0, 1, 0)
    business = row(businesses)
    assert (business.phone, business.city, business.zip_code) == ("1", "Espoo", "1")


def test_a_batch_that_waited_for_one_that_was_rolled_back_inserts(
    store: CampaignStore, app_engine, owner_engine, campaign_id, other_campaign_id, row
) -> None:
    results = []
    with app_engine.connect() as first:
        transaction = first.begin()
        store.bind(first).insert_businesses_batch(campaign_id, "1", [record("x")])
        second = insert_in_a_thread(store, results, other_campaign_id, "2", [record("x")])
        wait_until_blocked(owner_engine)
        transaction.rollback()
    second.join(30)

    [result] = results
    assert (result.inserted, result.skipped_other_campaign) == (1, 0)
    assert row(businesses).campaign_id == other_campaign_id
