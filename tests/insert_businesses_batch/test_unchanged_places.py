"""Records that are stored already are done at once; the others of the batch are told right."""

import pytest

from campaigndb import CampaignStore
from campaigndb.calling.results import RejectedRecord
from campaigndb.tables import businesses


def record(place_id, **fields):
    return {"place_id": place_id, "name": "Kauppahalli", **fields}


def counts(result):
    assert result.inserted + result.updated + result.skipped == result.total
    return result.inserted, result.updated, result.skipped


def test_a_batch_of_unchanged_places_writes_nothing(
    store: CampaignStore, campaign_id, nothing_changes
) -> None:
    batch = [record("a", city="Espoo"), {"placeId": "b", "title": "B", "extra": [1, {"x": None}]}]
    store.insert_businesses_batch(campaign_id, "1", batch)
    with nothing_changes():
        assert counts(store.insert_businesses_batch(campaign_id, "2", batch)) == (0, 0, 2)


def test_rejected_records_keep_their_index_beside_unchanged_ones(
    store: CampaignStore, campaign_id
) -> None:
    store.insert_businesses_batch(campaign_id, "1", [record("a"), record("b")])
    result = store.insert_businesses_batch(
        campaign_id,
        "1",
        [record("a"), {"name": "no id"}, record("b"), record("c"), {"place_id": "d"}, record("e")],
    )
    assert counts(result) == (2, 0, 4)
    assert result.rejected == (
        RejectedRecord(index=1, reason="no place_id"),
        RejectedRecord(index=4, reason="no name"),
    )


@pytest.mark.parametrize("first", [record("a", city="other"), record(" a ", city="other")])
@pytest.mark.parametrize("last", [record("a"), record("a", placeId="b")])
def test_an_earlier_record_of_a_place_counts_also_where_the_last_is_the_stored_one(
    store: CampaignStore, campaign_id, row, first, last
) -> None:
    store.insert_businesses_batch(campaign_id, "1", [last])
    result = store.insert_businesses_batch(campaign_id, "1", [first, record("c"), last])
    assert counts(result) == (1, 1, 1)
    assert row(businesses, place_id="a").city == "other"


def test_a_changed_record_after_the_stored_one_wins(store: CampaignStore, campaign_id, row) -> None:
    store.insert_businesses_batch(campaign_id, "1", [record("a")])
    batch = [record("a"), record("a", city="Vantaa")]
    assert counts(store.insert_businesses_batch(campaign_id, "1", batch)) == (0, 1, 1)
    assert row(businesses, place_id="a").city == "Vantaa"


def test_another_campaigns_unchanged_place_is_counted_as_its(
    store: CampaignStore, campaign_id, other_campaign_id
) -> None:
    store.insert_businesses_batch(other_campaign_id, "1", [record("a")])
    store.insert_businesses_batch(campaign_id, "1", [record("b")])
    result = store.insert_businesses_batch(campaign_id, "1", [record("a"), record("b")])
    assert (counts(result), result.skipped_other_campaign) == ((0, 0, 2), 1)


def test_a_place_without_zip_code_gets_one_though_its_record_is_unchanged(
    store: CampaignStore, campaign_id, row
) -> None:
    store.insert_businesses_batch(campaign_id, None, [record("a"), record("b")])
    assert counts(store.insert_businesses_batch(campaign_id, "00100", [record("a")])) == (0, 1, 0)
    assert row(businesses, place_id="a").zip_code == "00100"
    assert row(businesses, place_id="b").zip_code is None
