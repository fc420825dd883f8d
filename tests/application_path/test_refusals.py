"""What the functions refuse is refused in the same words, and leaves nothing behind."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from app import CampaignStore, StoredFunctionError, calls
from app.application_path import ApplicationPath
from app.calls import Call, StoredFunction
from tests.create_campaign_with_coverage.test_refusals import BAD_CAMPAIGNS, BAD_ZIP_CODES
from tests.track_campaign_cost import test_refusals as costs
from tests.track_campaign_costs_batch.test_bad_input import BAD_FIELDS
from tests.update_coverage_status import test_refusals as coverage
from tests.update_email_verification.test_refusals import BAD_ANSWERS
from tests.wild_texts import WILD_TEXTS

NOBODY = uuid.UUID("5f1c0c1e-5a6c-4f7e-9d0a-00000000dead")
NO_JSON_ARRAYS = ("null", "{}", '"[]"', "7", "false")
NO_JSON_OBJECTS = ("null", "[]", '"{}"', "7", "true")


def call_of(function: StoredFunction[Any], **parameters: Any) -> Call[Any]:
    """What no builder checked; lists and mappings are sent as JSON."""
    return Call(
        function,
        {
            f"p_{name}": json.dumps(value, default=str)
            if isinstance(value, (list, dict))
            else value
            for name, value in parameters.items()
        },
    )


def campaigns_refused(_: Any) -> Iterator[Call[Any]]:
    create = calls.CREATE_CAMPAIGN_WITH_COVERAGE
    for data, _detail in BAD_CAMPAIGNS.values():
        yield call_of(create, campaign_data={"name": "x"} | data, zip_codes=["00100"])
    for zip_code, _detail in BAD_ZIP_CODES.values():
        yield call_of(create, campaign_data={"name": "x"}, zip_codes=["00100", zip_code])
    for value in NO_JSON_OBJECTS:
        yield call_of(create, campaign_data=value, zip_codes="[]")
    for value in NO_JSON_ARRAYS[1:]:
        yield call_of(create, campaign_data={"name": "x"}, zip_codes=value)
    two = [{"zip": zip_code, "estimated_cost": "9" * 14} for zip_code in "12"]
    yield call_of(create, campaign_data={"name": "x"}, zip_codes=two)


def batches_refused(campaign_id: uuid.UUID) -> Iterator[Call[Any]]:
    insert = calls.INSERT_BUSINESSES_BATCH
    for value in NO_JSON_ARRAYS:
        yield call_of(insert, campaign_id=campaign_id, zip_code="1", businesses=value)
    for missing in (NOBODY, None):
        records = [{"place_id": "a", "name": "x"}]
        yield call_of(insert, campaign_id=missing, zip_code="1", businesses=records)


def statistics_refused(_: Any) -> Iterator[Call[Any]]:
    for missing in (NOBODY, None):
        yield call_of(calls.UPDATE_CAMPAIGN_STATISTICS, campaign_id=missing)


def costs_refused(campaign_id: uuid.UUID) -> Iterator[Call[Any]]:
    valid = {name.removeprefix("p_"): value for name, value in costs.VALID.items()}
    valid |= {"campaign_id": campaign_id, "metadata": "null"}
    bad: list[dict[str, Any]] = [values for values, _ in costs.BAD]
    bad += [{"p_cost_usd": cost} for cost in costs.TOO_MUCH]
    bad += [
        {"p_cost_usd": cost}
        for cost in ("1,5", "", " ", "-", ".", "1e", "one", "1 2", "１", "1e999999", "9" * 200_000)
    ]
    bad += [{"p_campaign_id": missing} for missing in (NOBODY, None)]
    for values in bad:
        changed = {name.removeprefix("p_"): value for name, value in values.items()}
        yield call_of(calls.TRACK_CAMPAIGN_COST, **(valid | changed))


def cost_batches_refused(campaign_id: uuid.UUID) -> Iterator[Call[Any]]:
    batch = calls.TRACK_CAMPAIGN_COSTS_BATCH
    valid = {
        "campaign_id": str(campaign_id),
        "service": "bouncer",
        "items_processed": 1,
        "cost_usd": "0.5",
    }
    # A float is JSON like any other number here: only the builder refuses it.
    for changed in (fields for fields, _ in BAD_FIELDS if fields.get("cost_usd") != 0.5):
        yield call_of(batch, costs=[valid, valid | changed, valid | {"service": "x"}])
    for field in valid:
        item = {name: value for name, value in valid.items() if name != field}
        yield call_of(batch, costs=[valid, item])
    for item in (None, 1, "text", [1], True):
        yield call_of(batch, costs=[valid, item])
    for value in NO_JSON_ARRAYS:
        yield call_of(batch, costs=value)
    yield call_of(batch, costs=[valid, valid | {"campaign_id": str(NOBODY).upper()}])
    key = {"metadata": {"idempotency_key": "k"}}
    yield call_of(batch, costs=[valid | key, valid, valid | key | {"items_processed": 2}])


def coverage_refused(campaign_id: uuid.UUID) -> Iterator[Call[Any]]:
    update = calls.UPDATE_COVERAGE_STATUS
    valid = {name.removeprefix("p_"): value for name, value in coverage.VALID.items()}
    for values, _detail in coverage.BAD:
        changed = {name.removeprefix("p_"): value for name, value in values.items()}
        yield call_of(update, campaign_id=campaign_id, **(valid | changed))
    for amount in ("one", "1e200000"):
        yield call_of(update, campaign_id=campaign_id, **(valid | {"actual_cost": amount}))
    for campaign, zip_code in [(NOBODY, "00100"), (None, "1"), (campaign_id, "1")] + [
        (campaign_id, text) for text in WILD_TEXTS if text != "00120"
    ]:
        yield call_of(update, campaign_id=campaign, **(valid | {"zip_code": zip_code}))


def enrichments_refused(_: Any) -> Iterator[Call[Any]]:
    update = calls.UPDATE_ENRICHMENT_BATCH
    for kind in (None, "", "Facebook", "instagram", "facebook\n"):
        yield call_of(update, enrichment_type=kind, enrichments="[]")
    for value in NO_JSON_ARRAYS:
        yield call_of(update, enrichment_type="linkedin", enrichments=value)


def verifications_refused(business_id: uuid.UUID) -> Iterator[Call[Any]]:
    update = calls.UPDATE_EMAIL_VERIFICATION
    valid = {"business_id": business_id, "email": "a@hall.fi"}
    for fields, _detail in BAD_ANSWERS:
        answer: dict[str, Any] = {"status": "risky"} | fields if fields else {}
        yield call_of(update, **valid, verification_data=answer)
    for value in NO_JSON_OBJECTS:
        yield call_of(update, **valid, verification_data=value)
    for changed in (
        *[{"email": email} for email in (None, "", " \t\r\n", "other@hall.fi", *WILD_TEXTS)],
        *[{"business_id": missing} for missing in (NOBODY, None)],
    ):
        yield call_of(update, **(valid | changed), verification_data={"status": "risky"})


def queues_refused(campaign_id: uuid.UUID) -> Iterator[Call[Any]]:
    for changed in (
        *[{"enrichment_type": kind} for kind in (None, "", "Facebook", "x")],
        *[{"limit": limit} for limit in (0, -1)],
        *[{"campaign_id": missing} for missing in (NOBODY, None)],
    ):
        valid = {"campaign_id": campaign_id, "enrichment_type": "facebook", "limit": 10}
        yield call_of(calls.GET_BUSINESSES_FOR_ENRICHMENT, **(valid | {"offset": 0} | changed))
        first = {"after_created_at": None, "after_id": None}
        yield call_of(calls.GET_BUSINESSES_FOR_ENRICHMENT_AFTER, **(valid | first | changed))
    offset = {"campaign_id": campaign_id, "enrichment_type": "facebook", "limit": 1, "offset": -1}
    yield call_of(calls.GET_BUSINESSES_FOR_ENRICHMENT, **offset)


@pytest.mark.parametrize(
    "refused",
    [
        campaigns_refused,
        batches_refused,
        statistics_refused,
        costs_refused,
        cost_batches_refused,
        coverage_refused,
        enrichments_refused,
        verifications_refused,
        queues_refused,
    ],
)
def test_every_refusal_has_the_functions_words(
    refused: Callable[[Any], Iterator[Call[Any]]],
    application_path: ApplicationPath,
    functions: CampaignStore,
    campaign_id: uuid.UUID,
    add_business: Callable[..., uuid.UUID],
    nothing_changes: Callable[[], AbstractContextManager[None]],
    subtests: pytest.Subtests,
) -> None:
    own_id = add_business(email="a@hall.fi") if refused is verifications_refused else campaign_id
    with nothing_changes():
        for call in refused(own_id):
            with subtests.test(str(call.values)[:100]):
                assert refusal(application_path, call) == refusal(functions, call)


def refusal(store: ApplicationPath | CampaignStore, call: Call[Any]) -> tuple[Any, ...]:
    with pytest.raises(StoredFunctionError) as caught:
        store._run(call)
    error = caught.value
    return type(error), str(error), vars(error)
