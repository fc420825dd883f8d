"""One bad cost refuses the batch: the error names it, and nothing is written."""

import re
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, text

from campaigndb import (
    CampaignStore,
    InvalidInputError,
    IsolationLevelError,
    MissingReferenceError,
    StoredFunctionError,
)
from campaigndb.calling.json_codec import load_json
from tests.faults.ledger import check_totals, entries
from tests.track_campaign_costs_batch.conftest import NewCost

BAD_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"cost_usd": "NaN"}, "cost_usd"),
    ({"cost_usd": Decimal("NaN")}, "cost_usd"),
    ({"cost_usd": "Infinity"}, "cost_usd"),
    ({"cost_usd": "-Infinity"}, "cost_usd"),
    ({"cost_usd": -1}, "cost_usd"),
    ({"cost_usd": "-0.0001"}, "cost_usd"),
    ({"cost_usd": 10**30}, "cost_usd"),
    ({"cost_usd": "1000000"}, "cost_usd"),
    ({"cost_usd": "999999.99995"}, "cost_usd"),
    ({"cost_usd": "a lot"}, "cost_usd"),
    ({"cost_usd": ""}, "cost_usd"),
    ({"cost_usd": True}, "cost_usd"),
    ({"cost_usd": None}, "cost_usd"),
    ({"cost_usd": 0.5}, "cost_usd"),
    ({"items_processed": -1}, "items_processed"),
    ({"items_processed": "1.5"}, "items_processed"),
    ({"items_processed": 2**31}, "items_processed"),
    ({"items_processed": None}, "items_processed"),
    ({"service": "twitter"}, "service"),
    ({"service": "Facebook"}, "service"),
    ({"service": None}, "service"),
    ({"service": 1}, "service"),
    ({"campaign_id": None}, "campaign_id"),
    ({"campaign_id": "no uuid"}, "campaign_id"),
    ({"metadata": "text"}, "metadata"),
    ({"metadata": [1]}, "metadata"),
    ({"metadata": {"idempotency_key": ""}}, "metadata.idempotency_key"),
    ({"metadata": {"idempotency_key": "k" * 10_000}}, "metadata.idempotency_key"),
    ({"metadata": {"idempotency_key": 7}}, "metadata.idempotency_key"),
]


@pytest.fixture(autouse=True)
def nothing_is_written(
    store: CampaignStore, owner_engine: Engine, campaign_id: uuid.UUID
) -> Iterator[None]:
    yield
    assert entries(owner_engine) == []
    check_totals(owner_engine, [campaign_id])
    # And the connection in the pool works.
    assert store.track_campaign_cost(campaign_id, "facebook", 1, 1).new_total == 1


def test_a_bad_field_is_named_with_its_index(
    store: CampaignStore, new_cost: NewCost, subtests: pytest.Subtests
) -> None:
    for changed, named in BAD_FIELDS:
        with subtests.test(str(changed)[:60]), pytest.raises(InvalidInputError) as caught:
            store.track_campaign_costs_batch([new_cost(), new_cost(), new_cost() | changed])
        error = caught.value
        assert error.error_code is not None
        assert error.error_code.startswith("22")
        assert re.match(rf"p_costs\[2\](: |\.){re.escape(named)} ", error.detail), error.detail
        assert not error.retry_recommended


def test_a_missing_field_is_named(
    store: CampaignStore, new_cost: NewCost, subtests: pytest.Subtests
) -> None:
    for field in new_cost():
        cost = new_cost()
        del cost[field]
        with (
            subtests.test(field),
            pytest.raises(InvalidInputError, match=rf"p_costs\[1\]: {field} is missing"),
        ):
            store.track_campaign_costs_batch([new_cost(), cost])


def test_an_item_that_is_no_object_is_named(
    store: CampaignStore, new_cost: NewCost, subtests: pytest.Subtests
) -> None:
    items: list[Any] = [None, 1, "text", [1], True]
    for item in items:
        with (
            subtests.test(repr(item)),
            pytest.raises(InvalidInputError, match=r"p_costs\[1\]: not a JSON object"),
        ):
            store.track_campaign_costs_batch([new_cost(), item])


def test_what_is_no_array_is_refused(store: CampaignStore, subtests: pytest.Subtests) -> None:
    batches: list[Any] = [None, "text", {"campaign_id": 1}]
    for batch in batches:
        with (
            subtests.test(repr(batch)),
            pytest.raises(InvalidInputError, match="p_costs is not a JSON array") as caught,
        ):
            store.track_campaign_costs_batch(batch)
        assert caught.value.error_code == "22023"


def test_the_function_itself_refuses_what_is_no_array(
    app_engine: Engine, subtests: pytest.Subtests
) -> None:
    query = text("select track_campaign_costs_batch(cast(:batch as jsonb))::text")
    for batch in (None, "null", "7", '"text"', "{}", "true"):
        with subtests.test(repr(batch)), app_engine.connect() as connection:
            connection.execution_options(isolation_level="SERIALIZABLE")
            envelope = load_json(connection.scalar(query, {"batch": batch}))
            assert (envelope["success"], envelope["error_code"]) == (False, "22023")
            assert "p_costs is not a JSON array" in envelope["error"]


def test_an_unknown_campaign_is_named(store: CampaignStore, new_cost: NewCost) -> None:
    unknown = uuid.uuid4()
    with pytest.raises(MissingReferenceError) as caught:
        store.track_campaign_costs_batch([new_cost(), new_cost(campaign_id=unknown)])
    assert caught.value.error_code == "23503"
    assert caught.value.detail == f"p_costs[1]: there is no campaign {unknown}"


def test_the_first_of_several_bad_costs_is_named(store: CampaignStore, new_cost: NewCost) -> None:
    batch = [new_cost(), *[new_cost(amount) for amount in (-1, -2, -3)]]
    with pytest.raises(InvalidInputError, match=r"p_costs\[1\]: cost_usd"):
        store.track_campaign_costs_batch(batch)


def test_a_batch_whose_sum_no_total_can_hold_is_refused(
    store: CampaignStore, owner_engine: Engine, new_cost: NewCost
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text("update gmaps_campaigns set actual_cost = 99999999999999.9999"))
    try:
        with pytest.raises(StoredFunctionError) as caught:
            store.track_campaign_costs_batch([new_cost("0.0001")])
        assert caught.value.error_code == "22003"
    finally:
        with owner_engine.begin() as connection:
            connection.execute(text("update gmaps_campaigns set actual_cost = 0"))


@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ"])
def test_it_refuses_to_run_below_serializable(
    store: CampaignStore, app_engine: Engine, new_cost: NewCost, level: str
) -> None:
    with (
        app_engine.connect().execution_options(isolation_level=level) as connection,
        pytest.raises(IsolationLevelError) as caught,
    ):
        store.bind(connection).track_campaign_costs_batch([new_cost()])
    assert caught.value.error_code == "25001"
    assert level in caught.value.detail
