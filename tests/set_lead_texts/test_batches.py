"""Texts for many leads at once; a bad item stops no other."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import text

from campaigndb import InvalidInputError
from campaigndb.tables import businesses


def test_texts_are_set_kept_and_removed(store, row, add_business) -> None:
    business_id = add_business("place")
    answer = store.set_lead_texts(
        [{"business_id": business_id, "icebreaker": " Hei,\nAino! ", "subject_line": "Kala"}]
    )
    assert dict(answer) == {"success": True, "updated": 1, "failed": 0, "failures": ()}
    stored = row(businesses, id=business_id)
    assert (stored.icebreaker, stored.subject_line) == ("Hei,\nAino!", "Kala")
    store.set_lead_texts([{"business_id": business_id, "subject_line": "Fish"}])
    store.set_lead_texts([{"business_id": business_id, "icebreaker": None}])
    stored = row(businesses, id=business_id)
    assert (stored.icebreaker, stored.subject_line) == (None, "Fish")


def test_a_batch_that_is_sent_twice_changes_nothing(store, add_business, nothing_changes) -> None:
    texts = [{"business_id": add_business("place"), "icebreaker": "Hei", "subject_line": "Kala"}]
    store.set_lead_texts(texts)
    with nothing_changes():
        assert store.set_lead_texts(texts).updated == 1


def test_the_last_text_of_a_business_counts(store, row, add_business) -> None:
    business_id = add_business("place")
    store.set_lead_texts(
        [
            {"business_id": business_id, "icebreaker": "one", "subject_line": "two"},
            {"business_id": str(business_id).upper(), "icebreaker": "three"},
        ]
    )
    stored = row(businesses, id=business_id)
    assert (stored.icebreaker, stored.subject_line) == ("three", "two")


def test_bad_items_are_listed_and_the_others_go_in(store, row, add_business) -> None:
    business_id, nobody = add_business("place"), uuid.uuid4()
    answer = store.set_lead_texts(
        [
            "text",
            {"icebreaker": "x"},
            {"business_id": "x", "icebreaker": "x"},
            {"business_id": business_id},
            {"business_id": business_id, "icebreaker": 1},
            {"business_id": nobody, "icebreaker": "x"},
            {"business_id": business_id, "icebreaker": "Hei"},
        ]
    )
    assert (answer.updated, answer.failed) == (1, 6)
    assert [(failure.index, failure.reason) for failure in answer.failures] == [
        (0, "not a JSON object"),
        (1, "business_id is missing"),
        (2, "business_id is not a UUID"),
        (3, "neither icebreaker nor subject_line"),
        (4, "icebreaker is not a text"),
        (5, f"there is no business {nobody}"),
    ]
    assert row(businesses, id=business_id).icebreaker == "Hei"


def test_no_list_is_refused(store, nothing_changes) -> None:
    with nothing_changes(), pytest.raises(InvalidInputError, match="p_texts is not a JSON array"):
        store.set_lead_texts({"business_id": "x"})
    assert store.set_lead_texts([]).updated == 0


def test_thousands_of_texts_take_linear_time(store, owner_engine, campaign_id) -> None:
    with owner_engine.begin() as connection:
        ids = connection.execute(
            text(
                "insert into gmaps_businesses (campaign_id, place_id, name)"
                " select cast(:id as uuid), 'p' || n, 'Business' from generate_series(1, 5000) as n"
                " returning id"
            ),
            {"id": campaign_id},
        ).scalars()
        texts = [{"business_id": each, "icebreaker": "Hei"} for each in ids]
    assert store.set_lead_texts(texts).updated == 5000
