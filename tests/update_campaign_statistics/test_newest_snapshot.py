"""Counts that waited for another writer of the campaign see all that was committed meanwhile."""

import threading

from sqlalchemy import create_engine

from campaigndb import CampaignStore
from campaigndb.calling.retries import NO_RETRY
from campaigndb.tables import campaigns
from tests.support.waiting import wait_until_blocked


def test_a_count_that_waited_is_not_from_before_the_wait(
    store: CampaignStore, app_engine, owner_engine, campaign_id, row
) -> None:
    results = []
    with app_engine.begin() as first:
        bound = store.bind(first)
        bound.update_campaign_statistics(campaign_id)  # holds the campaign's lock
        second = threading.Thread(
            target=lambda: results.append(store.update_campaign_statistics(campaign_id))
        )
        second.start()
        wait_until_blocked(owner_engine)
        # Committed by the transaction that the second one waits for.
        bound.insert_businesses_batch(campaign_id, "1", [{"place_id": "a", "name": "x"}])
        bound.update_campaign_statistics(campaign_id)
    second.join(30)
    assert [counted.total_businesses for counted in results] == [1]
    assert row(campaigns).total_businesses_found == 1


def test_an_insert_does_not_wait_for_a_count(
    store: CampaignStore, app_url, app_engine, campaign_id
) -> None:
    impatient = create_engine(app_url, connect_args={"options": "-c lock_timeout=2s"})
    with app_engine.begin() as first:
        store.bind(first).update_campaign_statistics(campaign_id)
        # The foreign key's check of the campaign does not conflict with the count's row lock.
        inserted = CampaignStore(
            impatient, schema="public", policies=NO_RETRY
        ).insert_businesses_batch(campaign_id, "1", [{"place_id": "a", "name": "x"}])
    assert inserted.inserted == 1
    impatient.dispose()
