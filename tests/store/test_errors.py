"""Errors cross process borders, and say what failed and where."""

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

import campaigndb
from campaigndb import CampaignStore, ConflictError, InvalidInputError, StoredFunctionError

CLASSES = [
    value
    for name in campaigndb.__all__
    if isinstance(value := getattr(campaigndb, name), type)
    and issubclass(value, StoredFunctionError)
]
ATTRIBUTES = {
    "error": "Resource busy, please retry",
    "error_code": "55P03",
    "detail": "canceling statement due to lock timeout: Ääkköset",
    "retry_recommended": True,
    "function": "track_campaign_cost",
    "attempts": 7,
}


def fail_in_another_process() -> None:
    raise ConflictError(**ATTRIBUTES)


def test_there_is_a_class_for_each_kind_of_failure() -> None:
    assert len(CLASSES) == 8


def test_every_error_survives_pickling_and_copying(subtests) -> None:
    for cls in CLASSES:
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            error = cls(**ATTRIBUTES)
            with subtests.test(cls.__name__, protocol=protocol):
                for twin in (
                    pickle.loads(pickle.dumps(error, protocol)),
                    copy.copy(error),
                    copy.deepcopy(error),
                ):
                    assert type(twin) is cls
                    assert {name: getattr(twin, name) for name in ATTRIBUTES} == ATTRIBUTES
                    assert str(twin) == str(error)


def test_a_worker_process_hands_its_error_to_its_parent() -> None:
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
        pytest.raises(ConflictError) as caught,
    ):
        pool.submit(fail_in_another_process).result(60)
    assert {name: getattr(caught.value, name) for name in ATTRIBUTES} == ATTRIBUTES


def test_the_text_says_function_code_detail_and_attempts() -> None:
    assert str(ConflictError(**ATTRIBUTES)) == (
        "track_campaign_cost: Resource busy, please retry [55P03]: canceling statement due to"
        " lock timeout: Ääkköset (after 7 attempts)"
    )
    assert str(StoredFunctionError("It failed")) == "It failed"
    # A detail that the error repeats is said once.
    assert str(InvalidInputError("Invalid input: x", error_code="22023", detail="x")) == (
        "Invalid input: x [22023]"
    )


def test_a_real_error_survives_pickling(store, campaign_id) -> None:
    with pytest.raises(InvalidInputError) as caught:
        store.track_campaign_cost(campaign_id, "?", 1, 1)
    twin = pickle.loads(pickle.dumps(caught.value))
    assert twin.__dict__ == caught.value.__dict__
    assert (twin.error_code, twin.function) == ("22023", "track_campaign_cost")


@pytest.mark.parametrize("schema", ["no_such_schema", "empty_schema"])
def test_a_function_that_is_not_there_is_explained(
    app_engine, owner_engine, campaign_id, schema
) -> None:
    with owner_engine.begin() as connection:
        connection.exec_driver_sql("create schema empty_schema")
        connection.exec_driver_sql("grant usage on schema empty_schema to public")
    store = CampaignStore(app_engine, schema=schema)
    for call in (
        lambda: store.update_coverage_status(campaign_id, "00100", 1, 1, 1),
        lambda: store.track_campaign_cost(campaign_id, "bouncer", 1, 1),
    ):
        with pytest.raises(StoredFunctionError, match="CAMPAIGNDB_SCHEMA") as caught:
            call()
        assert "does not exist" in caught.value.detail
