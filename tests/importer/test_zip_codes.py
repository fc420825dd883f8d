"""Each record is stored under its own postal code, or all under the one that was searched."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from campaigndb import CampaignStore
from campaigndb.operations.importer import ImportReport


@pytest.mark.parametrize(
    ("values", "zip_code"),
    [
        ({"postalCode": "00100"}, "00100"),
        ({"postal_code": "00120", "postalCode": "00100"}, "00120"),
        ({"postal_code": None, "postalCode": " 00100\n"}, "00100"),
        ({"postalCode": 10115}, "10115"),
        ({"postalCode": ""}, None),
        ({}, None),
    ],
)
def test_a_record_brings_its_own(
    import_file: Callable[..., ImportReport],
    store: CampaignStore,
    campaign_id: uuid.UUID,
    write_lines: Callable[..., Path],
    places: Callable[[], dict[str, Any]],
    values: dict[str, Any],
    zip_code: str | None,
) -> None:
    path = write_lines({"placeId": "1", "title": "x", **values})
    import_file(store, path, campaign_id=campaign_id)
    assert places()["1"].zip_code == zip_code


def test_the_one_that_was_searched_goes_before_it(
    import_file: Callable[..., ImportReport],
    store: CampaignStore,
    campaign_id: uuid.UUID,
    write_lines: Callable[..., Path],
    places: Callable[[], dict[str, Any]],
) -> None:
    path = write_lines({"placeId": "1", "title": "x", "postalCode": "00100"})
    import_file(store, path, campaign_id=campaign_id, zip_code="00999")
    assert (places()["1"].zip_code, places()["1"].postal_code) == ("00999", "00100")


def test_the_last_record_of_a_place_wins_also_across_zip_codes(
    import_file: Callable[..., ImportReport],
    store: CampaignStore,
    campaign_id: uuid.UUID,
    write_lines: Callable[..., Path],
    places: Callable[[], dict[str, Any]],
) -> None:
    path = write_lines(
        {"placeId": "1", "title": "early", "postalCode": "1"},
        {"placeId": "other", "title": "x", "postalCode": "2"},
        {"placeId": "1", "title": "late", "postalCode": "2"},
    )
    report = import_file(store, path, campaign_id=campaign_id, batch_size=2)
    assert (places()["1"].name, places()["1"].zip_code) == ("late", "1")
    assert (report.tally.inserted, report.tally.updated) == (2, 1)


def test_records_of_all_zip_codes_are_sent_together(
    import_file: Callable[..., ImportReport],
    store: CampaignStore,
    campaign_id: uuid.UUID,
    write_lines: Callable[..., Path],
    places: Callable[[], dict[str, Any]],
) -> None:
    path = write_lines(
        *[
            {"placeId": str(number), "title": "x", "postalCode": str(number % 5)}
            for number in range(200)
        ]
    )
    sent: list[int] = []

    import_file(
        store,
        path,
        campaign_id=campaign_id,
        batch_size=80,
        on_progress=lambda state: sent.append(state.position.records),
    )

    assert sent == [80, 160, 200]
    assert {row.place_id: row.zip_code for row in places().values()} == {
        str(number): str(number % 5) for number in range(200)
    }
