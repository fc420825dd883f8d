"""Off the list, a contact is what it was before."""

from __future__ import annotations

import pytest

from campaigndb.tables import businesses, suppressions


def test_the_address_is_chosen_again(store, campaign_id, rows) -> None:
    store.insert_businesses_batch(
        campaign_id, "1", [{"place_id": "p0", "name": "Hall", "emails": ["a@x.fi", "b@x.fi"]}]
    )
    store.suppress_contacts([{"domain": "x.fi"}, "a@x.fi"])
    assert [row.email for row in rows(businesses)] == [None]
    result = store.unsuppress_contacts([{"domain": "x.fi"}])
    assert (result.unsuppressed, result.unknown, result.businesses) == (1, 0, 1)
    assert [row.email for row in rows(businesses)] == ["b@x.fi"]
    assert store.unsuppress_contacts(["A@x.fi", "b@x.fi"]).unknown == 1
    assert [row.email for row in rows(businesses)] == ["a@x.fi"]
    assert rows(suppressions) == []


@pytest.mark.parametrize(("word", "status"), [("closed", "closed_permanently"), (None, None)])
def test_a_place_is_open_or_closed_as_its_record_says(
    store, campaign_id, rows, word, status
) -> None:
    record = {"place_id": "p0", "name": "Hall", "phone": "512 555 0100", "business_status": word}
    store.insert_businesses_batch(campaign_id, "1", [record])
    store.suppress_contacts([{"place_id": "p0", "phone": "5125550100"}])
    store.unsuppress_contacts([{"place_id": "p0"}])
    assert [row.business_status for row in rows(businesses)] == ["suppressed"]
    store.unsuppress_contacts([{"phone": "+15125550100"}])
    assert [row.business_status for row in rows(businesses)] == [status]


def test_what_is_not_understood_is_listed(store) -> None:
    result = store.unsuppress_contacts(["", {"domain": "gmail.com"}])
    assert (result.unsuppressed, result.unknown, result.failed) == (0, 1, 1)
