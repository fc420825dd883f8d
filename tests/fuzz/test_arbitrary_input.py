"""Whatever comes in: an envelope or a StoredFunctionError, and a failure changes nothing."""

# ruff: noqa: PT017 - a call may succeed or fail here; only an orderly failure is right

from __future__ import annotations

import datetime
import json
import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from campaigndb import CampaignStore, StoredFunctionError
from campaigndb.calling.catalogue import FUNCTIONS, Kind, StoredFunction
from tests.support.database_state import snapshot

BOUNDED = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# Names the functions look at, so that arbitrary values reach what reads them.
KNOWN_KEYS = st.sampled_from(
    """
    id name title keywords location status coverage_profile estimated_cost coverage_percentage
    target_zip_count custom_zip_codes organization_id zip_code zip max_results place_id placeId
    email emails facebooks totalScore reviewsCount latitude lng lat rating hours categories
    needs_enrichment business_id success page_likes connections primary_email emails_found
    profile_type enrichment_status score is_safe mx_records idempotency_key
    kind value reason error icebreaker subject_line verified zip_codes min_rating since
    campaign_id service items_processed cost_usd metadata
    """.split()  # noqa: SIM905
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=True, allow_infinity=True)
    | st.text(max_size=30)
    | st.text(alphabet="\x00\ud800\udfff\\u0a'\"", max_size=6)
    | st.sampled_from(["1e400", "-1", "NaN", "Infinity", "0" * 50, "00120", "a@b.fi", "draft"])
    | st.uuids()
)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(KNOWN_KEYS | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=20,
)
OBJECTS = st.dictionaries(KNOWN_KEYS, ANY_JSON, max_size=8)
NUMBERS = st.integers(-(2**40), 2**40) | st.none()
MONEY = st.decimals() | st.integers() | st.text(max_size=8) | st.floats()

TEXTS = st.sampled_from(
    """
    facebook linkedin verification coverage google_maps bouncer draft running paused completed
    email domain phone place 00100 a@b.fi csv x
    """.split()  # noqa: SIM905
)

Ids = st.SearchStrategy[Any]


def arguments(function: StoredFunction[Any], ids: Ids) -> st.SearchStrategy[tuple[Any, ...]]:
    """Any values for a function's parameters, most of them of their kinds."""
    objects = (
        OBJECTS | st.builds(lambda o: {"name": "x", **o}, OBJECTS) | st.builds(_filter, ANY_JSON)
    )
    items = (
        objects
        | st.builds(lambda o, i: {"business_id": i, **o}, OBJECTS, ids)
        | st.builds(lambda o, k: {"name": "x", "place_id": k, **o}, OBJECTS, st.text(max_size=2))
        | st.builds(lambda o, s: {"status": "risky", "service": s, **o}, OBJECTS, TEXTS)
    )
    by_kind: dict[Kind, st.SearchStrategy[Any]] = {
        Kind.UUID: ids,
        Kind.TEXT: TEXTS | st.text(max_size=8) | st.none(),
        Kind.INTEGER: st.integers(-2, 100) | NUMBERS,
        Kind.BIG_INTEGER: NUMBERS,
        Kind.MONEY: MONEY,
        Kind.TIME: st.datetimes(timezones=st.just(datetime.UTC)) | st.none(),
        Kind.OBJECT: objects | ANY_JSON,
        Kind.LIST: st.lists(items | TEXTS | ANY_JSON, max_size=5) | ANY_JSON,
    }
    return st.tuples(*(by_kind[each.kind] for each in function.parameters.values()))


def _filter(value: Any) -> dict[str, Any]:
    return {"emails": "any", "since": value}


@pytest.fixture
def known_ids(
    store: CampaignStore, campaign_id: uuid.UUID, owner_engine: Engine
) -> list[uuid.UUID]:
    """A campaign with one business, whose ids arbitrary calls hit now and then."""
    store.insert_businesses_batch(
        campaign_id, "00100", [{"place_id": "known", "name": "Known", "email": "a@b.fi"}]
    )
    with owner_engine.connect() as connection:
        business_id = connection.execute(text("select id from gmaps_businesses")).scalar_one()
    return [campaign_id, business_id]


# Pages of a queue are read by an iterator alone.
WITH_METHOD = {name: each for name, each in FUNCTIONS.items() if hasattr(CampaignStore, name)}


@pytest.mark.parametrize("function", WITH_METHOD.values(), ids=WITH_METHOD)
def test_the_store_returns_a_result_or_raises_a_stored_function_error(
    function: StoredFunction[Any],
    store: CampaignStore,
    owner_engine: Engine,
    known_ids: list[uuid.UUID],
) -> None:
    ids = st.sampled_from(known_ids) | st.uuids() | st.none() | st.text(max_size=4)

    @BOUNDED
    @given(arguments(function, ids))
    def call(given: tuple[Any, ...]) -> None:
        before = snapshot(owner_engine)
        try:
            result = getattr(store, function.name)(*given)
        except StoredFunctionError as error:
            assert error.error
            assert not error.retry_recommended
            assert snapshot(owner_engine) == before
        else:
            assert isinstance(result, tuple) or result.success

    call()


def _json(value: Any) -> Any:
    """What any client could send: JSON text, or what is no JSON at all."""
    return json.dumps(value, default=str) if isinstance(value, (dict, list)) else value


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_plain_sql_returns_an_envelope_or_the_server_refuses_the_type(
    function: StoredFunction[Any], owner_engine: Engine, known_ids: list[uuid.UUID]
) -> None:
    ids = st.sampled_from([str(id_) for id_ in known_ids]) | st.uuids().map(str) | st.none()
    engine = owner_engine.execution_options(isolation_level=function.isolation_level)
    result_columns = "*" if function.returns_rows else f"{function.name}::text"

    @BOUNDED
    @given(arguments(function, ids))
    def call(given: tuple[Any, ...]) -> None:
        # As untyped texts, which the server reads as the parameters' types.
        values = {
            f"v{number}": None if value is None else str(_json(value)).replace("\x00", "")
            for number, value in enumerate(given)
        }
        values = {
            name: value and value.encode("utf-8", "replace").decode()
            for name, value in values.items()
        }
        placeholders = ", ".join(f":{name}" for name in values)
        before = snapshot(owner_engine)
        try:
            with engine.begin() as connection:
                result = connection.execute(
                    text(f"select {result_columns} from {function.name}({placeholders})"), values
                ).all()
        except DBAPIError as error:
            # Refused before the function began, or by the one function that raises.
            assert error.orig is not None
            assert error.orig.sqlstate[:2] in ("22", "23"), error.orig
            assert snapshot(owner_engine) == before
            return
        if not function.returns_rows:
            envelope = json.loads(result[0][0])
            assert envelope["success"] in (True, False)
            if not envelope["success"]:
                assert set(envelope) == {
                    "success",
                    "error",
                    "error_code",
                    "error_detail",
                    "retry_recommended",
                }
                assert snapshot(owner_engine) == before

    call()


def test_decimals_that_json_has_no_word_for_are_refused(store: CampaignStore) -> None:
    for amount in (Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity"), Decimal("sNaN")):
        with pytest.raises(StoredFunctionError) as refused:
            store.create_campaign_with_coverage({"name": "x", "estimated_cost": amount})
        assert refused.value.error_code == "22023"
