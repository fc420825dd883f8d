"""JSON at the limits of what Python, the driver and the server can nest, count and hold."""

import json
import sys
from decimal import Decimal

import pytest

from campaigndb import CampaignStore, InvalidInputError, StoredFunctionError
from campaigndb.tables import businesses
from tests.support.database_state import snapshot

LIMIT = sys.getrecursionlimit()
# Through and around the depth at which Python's own JSON gives up.
DEPTHS = (1, 100, *range(LIMIT - 40, LIMIT + 10, 3), 10 * LIMIT)
HUGE_NUMBERS = (
    10**4000,
    10**5000,
    -(10**400),
    1.7976931348623157e308,
    5e-324,
    float("nan"),
    float("-inf"),
    Decimal("1e400"),
    Decimal("1e999999999"),
    Decimal("1e-999999999"),
    Decimal("0." + "1" * 5000),
    Decimal("-Infinity"),
)


def nested(depth, kind):
    value = None
    for _ in range(depth):
        value = [value] if kind == "lists" else {"x": value}
    return value


def calls(store, campaign_id, business_id, value):
    """Every JSON parameter of every function, with the value where the function looks."""
    return {
        "campaign": lambda: store.create_campaign_with_coverage(
            {"name": "x", "keywords": value, "extra": value}
        ),
        "campaign itself": lambda: store.create_campaign_with_coverage(value),
        "ZIP codes": lambda: store.create_campaign_with_coverage({"name": "x"}, [value]),
        "ZIP code's cost": lambda: store.create_campaign_with_coverage(
            {"name": "x"}, [{"zip": "1", "estimated_cost": value, "extra": value}]
        ),
        "records": lambda: store.insert_businesses_batch(campaign_id, "1", [value]),
        "record": lambda: store.insert_businesses_batch(
            campaign_id,
            "1",
            [{"place_id": "a", "name": "x", "rating": value, "hours": value, "latitude": value}],
        ),
        "place_id": lambda: store.insert_businesses_batch(
            campaign_id, "1", [{"place_id": value, "name": value}]
        ),
        "metadata": lambda: store.track_campaign_cost(
            campaign_id, "bouncer", 1, 1, {"extra": value}
        ),
        "key": lambda: store.track_campaign_cost(
            campaign_id, "bouncer", 1, 1, {"idempotency_key": value}
        ),
        "enrichment": lambda: store.update_enrichment_batch(
            "facebook", [{"business_id": business_id, "page_likes": value, "extra": value}]
        ),
        "business_id": lambda: store.update_enrichment_batch("linkedin", [{"business_id": value}]),
        "verification": lambda: store.update_email_verification(
            business_id, "a@b.fi", {"status": "risky", "mx_records": value, "extra": value}
        ),
        "score": lambda: store.update_email_verification(
            business_id, "a@b.fi", {"status": "risky", "score": value}
        ),
    }


def result_or_stored_function_error(call, engine) -> bool:
    """Whether the call succeeded; if not, it changed nothing."""
    before = snapshot(engine)
    try:
        result = call()
    except StoredFunctionError as error:
        refused = error
    else:
        assert result.success is True
        return True
    assert refused.retry_recommended is False
    assert snapshot(engine) == before
    return False


@pytest.fixture
def business_id(add_business):
    return add_business("known", email="a@b.fi")


@pytest.mark.parametrize("kind", ["lists", "objects"])
def test_any_depth_is_stored_or_refused(
    kind, store: CampaignStore, owner_engine, campaign_id, business_id
) -> None:
    for depth in DEPTHS:
        value = nested(depth, kind)
        succeeded = {
            name: result_or_stored_function_error(call, owner_engine)
            for name, call in calls(store, campaign_id, business_id, value).items()
        }
        if depth <= 100:
            assert succeeded["metadata"], depth
            assert succeeded["verification"], depth


def test_any_number_is_stored_or_refused(
    store: CampaignStore, owner_engine, campaign_id, business_id, subtests
) -> None:
    for number, value in enumerate(HUGE_NUMBERS):
        for name, call in calls(store, campaign_id, business_id, value).items():
            with subtests.test(name, number=number):
                result_or_stored_function_error(call, owner_engine)


def test_plain_sql_nests_far_deeper_than_python(raw_call, campaign_id, business_id) -> None:
    deep = "[" * 3000 + "]" * 3000
    record = f'{{"place_id": "a", "name": "x", "categories": {deep}, "hours": {deep}}}'
    for function, parameters in {
        "create_campaign_with_coverage": {
            "p_campaign_data": f'{{"name": "x", "keywords": {deep}}}', "p_zip_codes": "[]",
        },
        "insert_businesses_batch": {
            "p_campaign_id": campaign_id, "p_zip_code": "1", "p_businesses": f"[{record}, {deep}]",
        },
        "track_campaign_cost": {
            "p_campaign_id": campaign_id,
            "p_service": "bouncer",
            "p_items_processed": 1,
            "p_cost_usd": 1,
            "p_metadata": f'{{"deep": {deep}}}',
        },
        "update_enrichment_batch": {
            "p_enrichment_type": "facebook",
            "p_enrichments": f'[{{"business_id": {deep}}}, {{"business_id": "{business_id}"}}]',
        },
        "update_email_verification": {
            "p_business_id": business_id,
            "p_email": "a@b.fi",
            "p_verification_data": f'{{"status": "risky", "mx_records": {deep}}}',
        },
    }.items():  # fmt: skip
        envelope = raw_call(function, **parameters)
        assert envelope["success"] is (function != "create_campaign_with_coverage"), function
        # What comes back never nests with what went in.
        assert len(json.dumps(envelope, default=str)) < 1000


def test_a_mebibyte_in_one_value_is_no_problem(store: CampaignStore, campaign_id, row) -> None:
    text = "ä" * 2**19
    store.insert_businesses_batch(
        campaign_id, "1", [{"place_id": "a", "name": text, "extra": {text: [text]}}]
    )
    assert row(businesses).name == text
    with pytest.raises(InvalidInputError):
        store.track_campaign_cost(campaign_id, text, 1, 1)
