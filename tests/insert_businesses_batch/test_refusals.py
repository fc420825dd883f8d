"""A batch as a whole is refused only where it is no batch, or nobody's."""

import uuid

import pytest

from campaigndb import CampaignStore, InvalidInputError, MissingReferenceError

RECORDS = [{"place_id": "a", "name": "Kauppahalli"}]


def test_what_is_no_array_is_refused(raw_call, campaign_id, nothing_changes, subtests) -> None:
    for value in (None, "null", "{}", '"[]"', "7", "false"):
        with subtests.test(businesses=value), nothing_changes():
            envelope = raw_call(
                "insert_businesses_batch",
                p_campaign_id=campaign_id,
                p_zip_code="00100",
                p_businesses=value,
            )
            assert (envelope["success"], envelope["error_code"]) == (False, "22023")
            assert envelope["error"] == "Invalid input: p_businesses is not a JSON array"


def test_a_missing_campaign_is_a_missing_reference(
    store: CampaignStore, nothing_changes, subtests
) -> None:
    for campaign_id in (uuid.uuid4(), None):
        with subtests.test(campaign_id=campaign_id), nothing_changes():
            with pytest.raises(MissingReferenceError) as caught:
                store.insert_businesses_batch(campaign_id, "00100", RECORDS)
            assert caught.value.error_code == "23503"
            assert caught.value.detail == f"there is no campaign {campaign_id or 'null'}"


def test_the_store_refuses_what_is_no_batch(
    store: CampaignStore, campaign_id, nothing_changes, subtests
) -> None:
    for arguments, detail in [
        ((campaign_id, "1", None), "p_businesses is not a JSON array"),
        ((campaign_id, "1", 7), "p_businesses is not a JSON array"),
        ((campaign_id, "1", RECORDS[0]), "p_businesses is not a JSON array"),
        ((campaign_id, "1", "[]"), "p_businesses is not a JSON array"),
        ((campaign_id, "1", b"[]"), "p_businesses is not JSON: bytes is not JSON"),
        ((campaign_id, "1", [{"rating": float("nan")}]), "p_businesses is not JSON"),
        ((campaign_id, "1", [{"rating": 10**5000}]), "p_businesses is not JSON"),
        ((campaign_id, "1", [{("a", "b"): 1}]), "p_businesses is not JSON"),
        ((campaign_id, 100, RECORDS), "p_zip_code is not a text"),
        ((campaign_id, "1\x00", RECORDS), "p_zip_code holds a character"),
        (("7", "1", RECORDS), "p_campaign_id is not a UUID"),
        ((7, "1", RECORDS), "p_campaign_id is not a UUID"),
    ]:
        with subtests.test(detail), nothing_changes():
            with pytest.raises(InvalidInputError) as caught:
                store.insert_businesses_batch(*arguments)
            assert detail in caught.value.detail
