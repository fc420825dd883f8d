"""Any value at any key of any scraper's item: the batch succeeds, and no neighbour is lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigndb import CampaignStore
from campaigndb.tables import facebook_enrichments, linkedin_enrichments
from tests.update_enrichment_batch.test_failed_lookups import ERRORS
from tests.update_enrichment_batch.test_raw_items import FACEBOOK, LINKEDIN

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["1e400", "NaN", "-1", "9" * 50, "9.4K", "500+", "a@b.fi", "%00", "&#0;@x.fi"]
    )
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["email", "name", "message", "number", "city", "full", "x"]), inner
        )
    ),
    max_leaves=8,
)
SHAPES = {
    "facebook": [item for item, _ in (*FACEBOOK.values(), *ERRORS)],
    "linkedin": [item for item, _ in (*LINKEDIN.values(), *ERRORS)],
}
OWN = [
    "success", "error_message", "enrichment_status", "page_likes", "emails", "primary_email",
    "email_sources", "addresses", "profile_type", "email_source", "connections", "emails_found",
    "emails_generated", "bouncer_status", "bouncer_score", "is_safe", "bouncer_is_safe",
    "email_verified", "is_disposable", "is_role_based", "businessId",
]  # fmt: skip


@st.composite
def items(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """A scraper's item with other values at one to three of its keys, or at some of our own."""
    item = dict(draw(st.sampled_from(SHAPES[kind])))
    names = st.sampled_from([*item, *OWN])
    return item | draw(st.dictionaries(names, ANYTHING, min_size=1, max_size=3))


@pytest.mark.parametrize(
    ("kind", "table"), [("facebook", facebook_enrichments), ("linkedin", linkedin_enrichments)]
)
def test_no_value_costs_a_neighbour(store: CampaignStore, add_business, rows, kind, table) -> None:
    before, strange, after = (str(add_business(name)) for name in "abc")

    @settings(
        max_examples=60,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(item=items(kind), number=st.integers(0, 10**6))
    def check(item: dict[str, Any], number: int) -> None:
        result = store.update_enrichment_batch(
            kind,
            [
                {"business_id": before, "phone": f"1{number}"},
                item | {"business_id": strange},
                {"business_id": after, "phone": f"2{number}"},
            ],
        )
        assert result.updated + result.failed == 3
        assert {failure.index for failure in result.failures} <= {1}
        phones = {stored.business_id: stored.phone_numbers for stored in rows(table)}
        assert [phones[key] for key in phones if str(key) == before] == [[f"1{number}"]]
        assert [phones[key] for key in phones if str(key) == after] == [[f"2{number}"]]

    check()


def test_huge_and_deep_values_are_stored_or_refused(
    store: CampaignStore, add_business, row
) -> None:
    deep: Any = "x"
    for _ in range(900):
        deep = [deep]
    addresses = [f"a{number}@hall.fi" for number in range(10_000)]
    strange = [
        {"title": "x" * 1_000_000},
        {"error": deep},
        {"emails": addresses, "phone": "y" * 1_000_000},
        {"phone": deep, "address": deep, "likes": deep},
    ]
    ids = [add_business(str(number)) for number in range(5)]
    result = store.update_enrichment_batch(
        "facebook",
        [
            {"business_id": i} | item
            for i, item in zip(ids, [*strange, {"title": "z"}], strict=True)
        ],
    )
    assert (result.updated, [failure.index for failure in result.failures]) == (4, [3])
    assert row(facebook_enrichments, business_id=ids[2]).emails == addresses
    assert row(facebook_enrichments, business_id=ids[4]).page_name == "z"
