"""The list is read by pages, each entry once."""

from __future__ import annotations

import pytest

from campaigndb import InvalidInputError


def test_pages_follow_each_other(store) -> None:
    emails = [f"a{n}@shop.fi" for n in range(5)]
    store.suppress_contacts([*emails, {"domain": "bad.fi", "reason": "asked"}, {"place_id": "p0"}])
    found, after = [], None
    while page := store.list_suppressions(limit=2, after=after):
        found += page
        after = page[-1].entry
    assert sorted(each.kind for each in found) == ["domain", *["email"] * 5, "place"]
    assert len({each.entry for each in found}) == 7
    assert [(each.value, each.reason) for each in found if each.kind == "domain"] == [
        ("bad.fi", "asked")
    ]
    assert not [each for each in found if each.kind == "email" and each.value]
    assert len(store.list_suppressions("email")) == 5
    assert [each.value for each in store.list_suppressions("place")] == ["p0"]


@pytest.mark.parametrize(
    "arguments",
    [{"kind": "name"}, {"limit": 0}, {"after": "email"}, {"after": "email:abc"}],
    ids=str,
)
def test_bad_input_is_refused(store, arguments) -> None:
    with pytest.raises(InvalidInputError, match=f"p_{next(iter(arguments))}"):
        store.list_suppressions(**arguments)
