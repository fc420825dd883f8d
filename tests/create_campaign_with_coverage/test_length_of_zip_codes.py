"""What is measured of a ZIP code is what is stored of it."""

from __future__ import annotations

from typing import Any

import pytest

from campaigndb import CampaignStore, InvalidInputError
from campaigndb.tables import campaign_coverage

LONGEST = "å" * 100


@pytest.mark.parametrize("blank", ["", " ", "\t\r\n", None])
@pytest.mark.parametrize("length", [101, 150, 20_000])
def test_a_blank_name_does_not_let_a_long_one_pass(
    store: CampaignStore, nothing_changes, blank: Any, length: int
) -> None:
    entry = {"zip_code": blank, "zip": "0" * length}
    with nothing_changes(), pytest.raises(InvalidInputError) as caught:
        store.create_campaign_with_coverage({"name": "Helsinki"}, ["00100", entry])
    assert caught.value.error_code == "22023"
    assert caught.value.detail == "p_zip_codes[1].zip_code is longer than 100 characters"


@pytest.mark.parametrize(
    "entry",
    [
        f"{LONGEST} ",
        {"zip_code": f" {LONGEST}\n"},
        {"zip_code": " ", "zip": LONGEST},
        {"zip_code": " " * 101, "zip": f" {LONGEST} "},
        {"zip_code": LONGEST, "zip": "0" * 101},
    ],
    ids=["a text", "zip_code", "zip", "a long blank", "both"],
)
def test_what_is_not_stored_is_not_measured(store: CampaignStore, row, entry: Any) -> None:
    store.create_campaign_with_coverage({"name": "Helsinki"}, [entry])
    assert row(campaign_coverage).zip_code == LONGEST
