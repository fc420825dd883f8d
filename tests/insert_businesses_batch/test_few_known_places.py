"""A known place is treated alike whether the records that are looked at first show it or not."""

from typing import Any

import pytest
from sqlalchemy import Engine, text

from campaigndb import CampaignStore
from campaigndb.calling.results import RejectedRecord
from campaigndb.tables import businesses

# Every sixth record of so many is looked at.
NUMBER = 200


def batch() -> list[dict[str, Any]]:
    return [
        {"place_id": f"place {number:03}", "name": f"Name {number}"} for number in range(NUMBER)
    ]


@pytest.mark.parametrize("known", [0, 1, 5, 6, 100, 199])
def test_unchanged(store: CampaignStore, campaign_id, known: int) -> None:
    records = batch()
    store.insert_businesses_batch(campaign_id, "1", [records[known]])
    result = store.insert_businesses_batch(campaign_id, "1", records)
    assert (result.inserted, result.updated, result.skipped) == (NUMBER - 1, 0, 1)


@pytest.mark.parametrize("known", [0, 1, 5, 6, 100, 199])
def test_changed(store: CampaignStore, campaign_id, row, known: int) -> None:
    records = batch()
    store.insert_businesses_batch(campaign_id, "1", [{**records[known], "city": "Espoo"}])
    result = store.insert_businesses_batch(campaign_id, "1", records)
    assert (result.inserted, result.updated, result.skipped) == (NUMBER - 1, 1, 0)
    # What was known stays where the new record does not say otherwise.
    assert row(businesses, place_id=records[known]["place_id"]).city == "Espoo"


@pytest.mark.parametrize("known", [0, 1, 5, 6, 100, 199])
def test_of_another_campaign(
    store: CampaignStore, campaign_id, other_campaign_id, known: int
) -> None:
    records = batch()
    store.insert_businesses_batch(other_campaign_id, "1", [records[known]])
    result = store.insert_businesses_batch(campaign_id, "1", records)
    assert (result.inserted, result.updated, result.skipped) == (NUMBER - 1, 0, 1)
    assert result.skipped_other_campaign == 1


@pytest.mark.parametrize("known", [0, 1])
def test_beside_records_that_cannot_be_stored(
    store: CampaignStore, campaign_id, known: int
) -> None:
    records = batch()
    store.insert_businesses_batch(campaign_id, "1", [records[known]])
    records[4] = {"place_id": "nameless"}
    records[5] = records[6]
    result = store.insert_businesses_batch(campaign_id, "1", records)
    assert (result.inserted, result.updated, result.skipped) == (NUMBER - 3, 0, 3)
    assert result.rejected == (RejectedRecord(index=4, reason="no name"),)


def test_ids_of_a_batch_follow_its_records(
    store: CampaignStore, campaign_id, owner_engine: Engine
) -> None:
    records = [{"place_id": f"place {-number:04}", "name": "Name"} for number in range(NUMBER)]
    store.insert_businesses_batch(campaign_id, "1", records)
    with owner_engine.connect() as connection:
        in_order = connection.execute(
            text("select place_id from gmaps_businesses order by created_at, id")
        ).scalars()
        assert list(in_order) == [record["place_id"] for record in records]
