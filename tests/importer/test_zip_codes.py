"""Each record is stored under its own postal code, or all under the one that was searched."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app import CampaignStore
from app.importer import import_file


@pytest.mark.parametrize(
    ("values", "zip_code"),
    [
        ({"postalCode": "00100"}, "00100"),
        ({"postal_code": "00120", "postalCode": "00100"}, "00120"),
        ({"postal_code": None, "postalCode": " 00100\n"}, "00100"),
        ({"postalCode": 10115}, "10115"),
        ({"postalCode": ""}, None),
        ({"postalCode": ["00100"]}, None),
        ({"postalCode": True}, None),
        ({}, None),
    ],
)
def test_a_record_brings_its_own(
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
    store: CampaignStore,
    campaign_id: uuid.UUID,
    write_lines: Callable[..., Path],
    places: Callable[[], dict[str, Any]],
) -> None:
    path = write_lines({"placeId": "1", "title": "x", "postalCode": "00100"})
    import_file(store, path, campaign_id=campaign_id, zip_code="00999")
    assert (places()["1"].zip_code, places()["1"].postal_code) == ("00999", "00100")


def test_the_last_record_of_a_place_wins_also_across_zip_codes(
    store: CampaignStore,
    campaign_id: uuid.UUID,
    write_lines: Callable[..., Path],
    places: Callable[[], dict[str, Any]],
) -> None:
    """The first ZIP code of the batch must not be sent with a record after another one's."""
    path = write_lines(
        {"placeId": "other", "title": "x", "postalCode": "2"},
        {"placeId": "1", "title": "early", "postalCode": "1"},
        {"placeId": "1", "title": "late", "postalCode": "2"},
    )
    report = import_file(store, path, campaign_id=campaign_id)
    assert (places()["1"].name, places()["1"].zip_code) == ("late", "1")
    assert (report.tally.inserted, report.tally.updated) == (2, 1)


def test_mixed_zip_codes_are_gathered(
    store: CampaignStore,
    campaign_id: uuid.UUID,
    write_lines: Callable[..., Path],
    places: Callable[[], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes: list[int] = []
    insert = store.insert_businesses_batch

    def counting(campaign: Any, zip_code: str | None, records: list[Any]) -> Any:
        sizes.append(len(records))
        return insert(campaign, zip_code, records)

    monkeypatch.setattr(store, "insert_businesses_batch", counting)
    path = write_lines(
        *[
            {"placeId": str(number), "title": "x", "postalCode": str(number % 5)}
            for number in range(200)
        ]
    )

    import_file(store, path, campaign_id=campaign_id, batch_size=20)

    assert len(places()) == 200
    asked_for_the_campaign, *sent = sizes
    assert (asked_for_the_campaign, sum(sent), max(sent)) == (0, 200, 20)
    # Not 50, as it would be if every 20 records were sent by themselves.
    assert len(sent) == 15
