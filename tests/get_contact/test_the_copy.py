"""What is stored of an address, for the person who asks."""

from __future__ import annotations

import pytest

from campaigndb import InvalidInputError


def test_every_row_that_holds_it_is_shown_and_nothing_changes(
    store, campaign_id, add_business, nothing_changes
) -> None:
    business = add_business("place", email="Anna@shop.fi", note="anna%40shop.fi")
    add_business("other", email="joanna@shop.fi")
    store.update_email_verification(business, "anna@shop.fi", {"status": "deliverable"})
    store.suppress_contacts(["anna@shop.fi"])
    with nothing_changes():
        copy = store.get_contact("ANNA@shop.fi")
    assert (copy.is_suppressed, copy.is_erased) == (True, False)
    assert {table: len(rows) for table, rows in copy.tables.items()} == {
        "gmaps_businesses": 1,
        "gmaps_business_emails": 1,
        "gmaps_email_verifications": 1,
        "gmaps_suppressions": 1,
    }
    [row] = copy.tables["gmaps_businesses"]
    assert (row["id"], row["raw_data"]["note"]) == (str(business), "anna%40shop.fi")


def test_it_shows_what_an_erasure_finds(store, add_business) -> None:
    add_business("place", email="anna@shop.fi")
    shown = store.get_contact("anna@shop.fi").tables
    assert set(store.erase_contact("anna@shop.fi").counts) == set(shown)
    copy = store.get_contact("anna@shop.fi")
    assert (copy.is_erased, set(copy.tables)) == (True, {"gmaps_suppressions"})


def test_what_is_not_one_address_is_refused(store) -> None:
    with pytest.raises(InvalidInputError, match="p_email is not one address"):
        store.get_contact("nobody")
