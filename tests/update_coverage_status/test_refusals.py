"""What is no result of a scraped ZIP code is refused, and nothing is marked."""

import uuid
from decimal import Decimal

import pytest

from campaigndb import CampaignStore, InvalidInputError, MissingReferenceError
from tests.support.wild_texts import WILD_TEXTS

VALID = {
    "p_zip_code": "00100",
    "p_businesses_found": 1,
    "p_emails_found": 1,
    "p_actual_cost": "1.5",
}
BAD = [
    ({"p_zip_code": None}, "p_zip_code is missing or blank"),
    ({"p_zip_code": " \t\r\n"}, "p_zip_code is missing or blank"),
    ({"p_businesses_found": None}, "p_businesses_found is missing or negative"),
    ({"p_businesses_found": -1}, "p_businesses_found is missing or negative"),
    ({"p_emails_found": None}, "p_emails_found is missing or negative"),
    ({"p_emails_found": -(2**31)}, "p_emails_found is missing or negative"),
    *[
        ({"p_actual_cost": cost}, "p_actual_cost is not between 0 and 99999999999999.9999")
        for cost in (None, "-0.00001", "-1", "NaN", "Infinity", "-Infinity", "1e30")
    ],
    ({"p_actual_cost": "99999999999999.99995"}, "p_actual_cost is not between"),
]


def test_every_bad_value_is_named(raw_call, campaign_id, nothing_changes, subtests) -> None:
    for values, detail in BAD:
        with subtests.test(**values), nothing_changes():
            envelope = raw_call(
                "update_coverage_status", p_campaign_id=campaign_id, **(VALID | values)
            )
            assert (envelope["success"], envelope["error_code"]) == (False, "22023")
            assert detail in envelope["error_detail"]
            assert envelope["retry_recommended"] is False


def test_a_zip_code_that_the_campaign_does_not_cover_is_a_missing_reference(
    store: CampaignStore, campaign_id, other_campaign_id, nothing_changes, subtests
) -> None:
    cases = [
        (uuid.uuid4(), "00100"),
        (None, "00100"),
        (other_campaign_id, "00100"),
        (campaign_id, "100"),
        *[(campaign_id, text) for text in WILD_TEXTS if text != "00120"],
    ]
    for campaign, zip_code in cases:
        with subtests.test(campaign=campaign, zip_code=zip_code[:20]), nothing_changes():
            with pytest.raises(MissingReferenceError) as caught:
                store.update_coverage_status(campaign, zip_code, 1, 1, 1)
            assert caught.value.error_code == "23503"
            assert f"campaign {campaign or 'null'} has no coverage" in caught.value.detail
            assert len(caught.value.detail) < 250


def test_the_store_refuses_what_has_another_type(
    store: CampaignStore, campaign_id, nothing_changes, subtests
) -> None:
    for arguments, detail in [
        (("00100", 1.0, 1, 1), "p_businesses_found is not a whole number"),
        (("00100", "1", 1, 1), "p_businesses_found is not a whole number"),
        (("00100", True, 1, 1), "p_businesses_found is not a whole number"),
        (("00100", 1, 2**31, 1), "p_emails_found is out of range"),
        (("00100", 1, -(10**5000), 1), "p_emails_found is out of range"),
        ((100, 1, 1, 1), "p_zip_code is not a text"),
        (("0\x000", 1, 1, 1), "p_zip_code holds a character that PostgreSQL cannot store"),
        (("\udfff", 1, 1, 1), "p_zip_code holds a character that PostgreSQL cannot store"),
        (
            ("00100", 1, 1, 1.5),
            'p_actual_cost is a float: money is Decimal, int or str, such as "0.0070"',
        ),
        (
            ("00100", 1, 1, True),
            'p_actual_cost is a bool: money is Decimal, int or str, such as "0.0070"',
        ),
        (("00100", 1, 1, "one"), "p_actual_cost is not a number"),
        (("00100", 1, 1, "\ud800"), "p_actual_cost is not a number"),
        (("00100", 1, 1, 10**5000), "p_actual_cost is not between"),
        (("00100", 1, 1, Decimal("1e200000")), "p_actual_cost is out of range"),
        (("00100", 1, 1, Decimal("sNaN")), "p_actual_cost is not a number"),
        (("00100", 1, 1, Decimal("NaN")), "p_actual_cost is not between"),
    ]:
        with subtests.test(detail), nothing_changes():
            with pytest.raises(InvalidInputError) as caught:
                store.update_coverage_status(campaign_id, *arguments)
            assert detail in caught.value.detail
            assert not caught.value.retry_recommended
