"""Wrong types at any key of any source's record: stored or rejected, and no neighbour is lost."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigndb.tables import business_emails, businesses
from tests.insert_businesses_batch.sources import SAMPLES

WRONG = [
    None,
    True,
    False,
    0,
    -1,
    1e-7,
    10**40,
    10**400,
    "",
    " ",
    "x",
    "\u202e\U0001f600",
    "null",
    "[",
    "{}",
    [],
    {},
    [None],
    [[]],
    [{}],
    ["x", 1, None, {"a": []}],
    {"": ""},
    {"text": []},
    {"lat": []},
    {"latitude": {"a": 1}},
    [{"types": "x"}, {"types": [1, None]}],
    "&#0;&#xD800;&#1114112;&amp;",
    "%00%ff%40",
    '{"a": "\\ud800"}',
    '{"a": 1e999999}',
    '{"city": ["x"',
    "0x1:0xfffffffffffffffff",
    "9" * 300,
]
NEIGHBOUR = {"place_id": "neighbour", "name": "Kept", "email": "kept@shop.fi"}


def send(raw_call, campaign_id, batch) -> dict:
    envelope = raw_call(
        "insert_businesses_batch",
        p_campaign_id=campaign_id,
        p_zip_code=None,
        p_businesses=batch if isinstance(batch, str) else json.dumps(batch),
    )
    assert envelope["success"], envelope
    assert envelope["inserted"] + envelope["updated"] + envelope["skipped"] == envelope["total"]
    return envelope


@pytest.mark.parametrize("name", SAMPLES)
def test_each_wrong_type_at_each_key(raw_call, campaign_id, rows, name: str) -> None:
    record, _ = SAMPLES[name]
    batch = [{**record, key: wrong} for key in record for wrong in WRONG]
    for given_batch in ([NEIGHBOUR, *batch], [*batch, {**NEIGHBOUR, "city": "Oulu"}]):
        send(raw_call, campaign_id, given_batch)
    kept = rows(businesses, place_id="neighbour")
    assert [(business.city, business.email) for business in kept] == [("Oulu", "kept@shop.fi")]


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers()
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abLNe01/_ ", max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = sorted({key for record, _ in SAMPLES.values() for key in record})


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # what is stored stays
)
@given(batch=st.lists(st.dictionaries(st.sampled_from(KEYS), anything, max_size=12), max_size=12))
def test_any_value_at_any_key(raw_call, campaign_id, rows, batch) -> None:
    send(raw_call, campaign_id, [*batch, NEIGHBOUR])
    assert len(rows(businesses, place_id="neighbour")) == 1


def test_huge_and_deep_records(raw_call, campaign_id, rows) -> None:
    huge = "a" * 2**20
    many = [f"a{number}@shop{number}.fi" for number in range(10_000)]
    deep = "[" * 900 + "]" * 900
    batch = [
        {"place_id": "a", "name": huge, "address": huge, "emails": huge, "website": huge},
        {"place_id": "b", "name": "b", "emails": many},
        {"place_id": huge, "name": "c"},
        {"place_id": "d", "name": "d", "facebook": huge, "complete_address": huge, "phone": huge},
        {
            "place_id": "e",
            "name": "e",
            "data_id": huge,
            "cid": huge,
            "reviews": huge,
            "rating": huge,
        },
    ]
    text = json.dumps([*batch, NEIGHBOUR])[:-1]
    text += f', {{"place_id": "f", "name": "f", "emails": {deep}, "hours": {deep}}}'
    text += ', {"place_id": "g", "place_id": "h", "name": "first", "name": "last"}]'
    envelope = send(raw_call, campaign_id, text)
    assert envelope["inserted"] == 7
    assert [rejected["index"] for rejected in envelope["rejected"]] == [2]
    [b] = rows(businesses, place_id="b")
    assert len(rows(business_emails, business_id=b.id)) == 10_000
    assert [business.name for business in rows(businesses, place_id="h")] == ["last"]
