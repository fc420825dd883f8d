"""What is no cost is refused: neither ledger nor totals move."""

import uuid
from decimal import Decimal

import pytest

from campaigndb import CampaignStore, InvalidInputError, MissingReferenceError
from tests.support.wild_texts import WILD_TEXTS

VALID = {"p_service": "bouncer", "p_items_processed": 1, "p_cost_usd": "1.5", "p_metadata": None}
SERVICE = "p_service is not one of google_maps, facebook, linkedin, bouncer"
AMOUNT = "p_cost_usd is not a finite amount of 0 or more"
KEY = "p_metadata.idempotency_key is not a text of 1 to 255 characters"
BAD = [
    *[({"p_service": s}, SERVICE) for s in (None, "", "Bouncer", "bouncer ", *WILD_TEXTS)],
    ({"p_items_processed": None}, "p_items_processed is missing or negative"),
    ({"p_items_processed": -1}, "p_items_processed is missing or negative"),
    *[
        ({"p_cost_usd": cost}, AMOUNT)
        for cost in (None, "NaN", "Infinity", "-Infinity", "-1", "-0.00001", "-1e30")
    ],
    *[({"p_metadata": m}, "p_metadata is not a JSON object") for m in ("[]", '"x"', "1", "false")],
    *[
        ({"p_metadata": {"idempotency_key": key}}, KEY)
        for key in ("", " \t", "k" * 256, "k" * 65536, 7, True, [], {"a": 1})
    ],
]
TOO_MUCH = ("1000000", "999999.99995", "1e30", "1e1000")


@pytest.fixture
def refused(raw_call, store, campaign_id, nothing_changes):
    store.track_campaign_cost(campaign_id, "bouncer", 1, 1)

    def check(values, code, detail):
        with nothing_changes():
            envelope = raw_call(
                "track_campaign_cost", p_campaign_id=campaign_id, **(VALID | values)
            )
        assert envelope == {
            "success": False,
            "error": f"Invalid input: {detail}",
            "error_code": code,
            "error_detail": detail,
            "retry_recommended": False,
        }

    return check


def test_every_bad_value_is_named(refused, subtests) -> None:
    for values, detail in BAD:
        with subtests.test(values=str(values)[:60]):
            refused(values, "22023", detail)


def test_an_amount_beyond_the_ledgers_column_is_refused(refused, subtests) -> None:
    for cost in TOO_MUCH:
        with subtests.test(cost=cost):
            refused({"p_cost_usd": cost}, "22003", "p_cost_usd is 1000000 or more")


def test_a_missing_campaign_is_a_missing_reference(
    store: CampaignStore, campaign_id, nothing_changes, subtests
) -> None:
    for missing in (uuid.uuid4(), None):
        with subtests.test(campaign_id=missing), nothing_changes():
            with pytest.raises(MissingReferenceError) as caught:
                store.track_campaign_cost(missing, "bouncer", 1, 1)
            assert (caught.value.error_code, caught.value.detail) == (
                "23503",
                f"there is no campaign {missing or 'null'}",
            )


def test_the_store_refuses_what_has_another_type(
    store: CampaignStore, campaign_id, nothing_changes, subtests
) -> None:
    cases = [
        (
            ("bouncer", 1, 0.1),
            'p_cost_usd is a float: money is Decimal, int or str, such as "0.0070"',
        ),
        (
            ("bouncer", 1, float("nan")),
            'p_cost_usd is a float: money is Decimal, int or str, such as "0.0070"',
        ),
        (
            ("bouncer", 1, True),
            'p_cost_usd is a bool: money is Decimal, int or str, such as "0.0070"',
        ),
        (
            ("bouncer", 1, b"1"),
            'p_cost_usd is a bytes: money is Decimal, int or str, such as "0.0070"',
        ),
        (("bouncer", 1, "1\x00"), "p_cost_usd is not a number"),
        (("bouncer", 1, "\ud800"), "p_cost_usd is not a number"),
        (("bouncer", 1, "1,5"), "p_cost_usd is not a number"),
        (("bouncer", 1, ""), "p_cost_usd is not a number"),
        # PostgreSQL 16 and later take these for numbers.
        (("bouncer", 1, "0x10"), "p_cost_usd is not a number"),
        (("bouncer", 1, "1_000"), "p_cost_usd is not a number"),
        (("bouncer", 1, Decimal("sNaN")), "p_cost_usd is not a number"),
        (("bouncer", 1, "NaN"), AMOUNT),
        (("bouncer", 1, Decimal("NaN")), AMOUNT),
        (("bouncer", 1, Decimal("Infinity")), AMOUNT),
        (("bouncer", 1, Decimal("1e999999")), "p_cost_usd is out of range"),
        (("bouncer", 1, 10**5000), "p_cost_usd is 1000000 or more"),
        (("bouncer", 1.0, 1), "p_items_processed is not a whole number"),
        (("bouncer", "1", 1), "p_items_processed is not a whole number"),
        (("bouncer", 2**31, 1), "p_items_processed is out of range"),
        (("bouncer", -(10**5000), 1), "p_items_processed is out of range"),
        ((7, 1, 1), "p_service is not a text"),
        (("bouncer", 1, 1, [1]), "p_metadata is not a JSON object"),
        (("bouncer", 1, 1, "text"), "p_metadata is not a JSON object"),
        (("bouncer", 1, 1, {"x": float("inf")}), "p_metadata is not JSON"),
        (("bouncer", 1, 1, {"idempotency_key": ""}), KEY),
    ]
    for number, (arguments, detail) in enumerate(cases):
        with subtests.test(detail, number=number), nothing_changes():
            with pytest.raises(InvalidInputError) as caught:
                store.track_campaign_cost(campaign_id, *arguments)
            assert detail in caught.value.detail
            assert caught.value.error_code[:2] == "22"
            assert not caught.value.retry_recommended
