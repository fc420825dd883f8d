"""inserted + updated + skipped = total, and what was skipped is explained."""

from campaigndb import CampaignStore
from campaigndb.calling.results import RejectedRecord
from campaigndb.tables import businesses


def record(place_id, **fields):
    return {"place_id": place_id, "name": "Kauppahalli", **fields}


def counts(result):
    assert result.inserted + result.updated + result.skipped == result.total
    return result.inserted, result.updated, result.skipped


def test_new_changed_and_unchanged_records_are_counted_apart(
    store: CampaignStore, campaign_id, row
) -> None:
    store.insert_businesses_batch(campaign_id, "1", [record("a", city="Espoo"), record("b")])

    result = store.insert_businesses_batch(
        campaign_id, "1", [record("a", city="Vantaa"), record("b"), record("c")]
    )

    assert counts(result) == (1, 1, 1)
    assert row(businesses, place_id="a").city == "Vantaa"


def test_the_last_of_several_records_for_one_place_wins(
    store: CampaignStore, campaign_id, row
) -> None:
    batch = [record("a", city="first"), record("b"), record("a", city="second"), record(" a ")]
    batch.append(record("a", city="last"))
    result = store.insert_businesses_batch(campaign_id, "1", batch)
    assert counts(result) == (2, 0, 3)
    assert result.rejected == ()
    assert row(businesses, place_id="a").city == "last"


def test_records_without_place_id_or_name_are_listed_and_the_others_go_in(
    raw_call, campaign_id, rows
) -> None:
    envelope = raw_call(
        "insert_businesses_batch",
        p_campaign_id=campaign_id,
        p_zip_code="00100",
        p_businesses=[
            record("good"),
            {"name": "no id"},
            record("  "),
            record(None, placeId=None),
            record({"id": 1}),
            {"place_id": "no name"},
            {"place_id": "blank name", "name": " \n"},
            {"place_id": "list name", "name": ["x"]},
            record("x" * 1001),
            record("ä" * 501),
            record("z" * 65536),
            None,
            "text",
            7,
            [record("nested")],
            record("also good"),
        ],
    )
    assert envelope["rejected"] == [
        {"index": index, "reason": reason}
        for index, reason in [
            *[(index, "no place_id") for index in (1, 2, 3, 4)],
            *[(index, "no name") for index in (5, 6, 7)],
            *[(index, "place_id is longer than 1000 bytes") for index in (8, 9, 10)],
            *[(index, "not a JSON object") for index in (11, 12, 13, 14)],
        ]
    ]
    assert (envelope["inserted"], envelope["updated"], envelope["skipped"]) == (2, 0, 14)
    assert envelope["total"] == 16
    assert {business.place_id for business in rows(businesses)} == {"good", "also good"}


def test_the_store_gives_the_rejected_records_as_objects(store: CampaignStore, campaign_id) -> None:
    result = store.insert_businesses_batch(campaign_id, "1", [record("a"), {"title": "b"}])
    assert result.rejected == (RejectedRecord(index=1, reason="no place_id"),)


def test_an_empty_batch_is_a_success_that_changes_nothing(
    store: CampaignStore, campaign_id, nothing_changes
) -> None:
    with nothing_changes():
        result = store.insert_businesses_batch(campaign_id, "00100", [])
    assert (result.total, *counts(result)) == (0, 0, 0, 0)


def test_a_numeric_place_id_and_name_are_texts(store: CampaignStore, campaign_id, row) -> None:
    store.insert_businesses_batch(campaign_id, "1", [{"placeId": 4952414764, "title": 42}])
    business = row(businesses)
    assert (business.place_id, business.name) == ("4952414764", "42")


def test_a_place_stays_with_the_zip_code_that_found_it_first(
    store: CampaignStore, campaign_id, row, nothing_changes
) -> None:
    store.insert_businesses_batch(campaign_id, None, [record("a")])
    assert row(businesses).zip_code is None

    found = store.insert_businesses_batch(campaign_id, " 00100 ", [record("a")])
    assert (counts(found), row(businesses).zip_code) == ((0, 1, 0), "00100")

    with nothing_changes():
        elsewhere = store.insert_businesses_batch(campaign_id, "00120", [record("a")])
    assert counts(elsewhere) == (0, 0, 1)
