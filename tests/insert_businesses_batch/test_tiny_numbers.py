"""JSON has numbers that no double can hold: one of them never fails a batch."""

import json

import pytest

from campaigndb.tables import businesses

TINY = ["1e-400", "-1e-400", "1e-16000", "-1e-16000", "2.4e-324"]


@pytest.mark.parametrize("written", TINY)
def test_a_number_too_small_for_a_coordinate_is_0(raw_call, campaign_id, rows, written) -> None:
    batch = f"""[
        {{"place_id": "a", "name": "x", "latitude": {written}, "longitude": {written}}},
        {{"place_id": "b", "name": "x", "location": {{"lat": {written}, "lng": {written}}}}},
        {{"place_id": "c", "name": "x", "latitude": 60.1, "longitude": -24.9}}
    ]"""
    for _ in range(2):  # as a plain insert, and where the places are known
        envelope = raw_call(
            "insert_businesses_batch",
            p_campaign_id=campaign_id,
            p_zip_code="00100",
            p_businesses=batch,
        )
        assert envelope["success"], envelope
        batch = batch.replace('"x"', '"y"')
    stored = {b.place_id: (b.name, b.latitude, b.longitude) for b in rows(businesses)}
    assert stored == {"a": ("y", 0, 0), "b": ("y", 0, 0), "c": ("y", 60.1, -24.9)}


@pytest.mark.parametrize("written", TINY)
def test_ratings_and_counts_take_any_number(raw_call, campaign_id, row, written) -> None:
    envelope = raw_call(
        "insert_businesses_batch",
        p_campaign_id=campaign_id,
        p_zip_code="00100",
        p_businesses=f'[{{"place_id": "a", "name": "x", "rating": {written},'
        f' "reviews_count": {written}, "price": {written}}}]',
    )
    assert (envelope["success"], envelope["inserted"]) == (True, 1)
    business = row(businesses)
    assert business.reviews_count == (None if written.startswith("-") else 0)
    assert (business.rating is None) is written.startswith("-")


@pytest.mark.parametrize(
    ("number", "stored"),
    [(1e-299, 1e-299), (-1e-299, -1e-299), (0, 0), (1e-320, 0), (90, 90), (-90, -90), (91, None)],
)
def test_all_others_are_what_they_are(raw_call, campaign_id, row, number, stored) -> None:
    record = {"place_id": "a", "name": "x", "latitude": number, "longitude": number * 2}
    raw_call(
        "insert_businesses_batch",
        p_campaign_id=campaign_id,
        p_zip_code="00100",
        p_businesses=json.dumps([record]),
    )
    assert row(businesses).latitude == stored
    assert row(businesses).longitude == (None if stored is None else stored * 2)
