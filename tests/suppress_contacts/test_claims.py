"""What is suppressed is handed to nobody, and whoever holds it holds nothing any more."""

from __future__ import annotations

import pytest
from sqlalchemy import text

RECORD = {
    "place_id": "p0",
    "name": "Hall",
    "email": "a@shop.fi",
    "phone": "512 555 0100",
    "facebook_url": "https://fb.com/hall",
}


@pytest.fixture
def leases(owner_engine):
    def read():
        with owner_engine.connect() as connection:
            return (
                connection.execute(text("select kind from gmaps_lookups order by 1"))
                .scalars()
                .all()
            )

    return read


def claim_all(store, campaign_id, worker="w"):
    return (
        len(
            store.claim_businesses_for_enrichment(campaign_id, "facebook", worker=worker).businesses
        ),
        len(
            store.claim_businesses_for_enrichment(campaign_id, "linkedin", worker=worker).businesses
        ),
        len(store.claim_emails_for_verification(campaign_id, worker=worker).emails),
    )


@pytest.mark.parametrize(
    ("contact", "claimed"),
    [
        ("A@shop.fi", (1, 1, 0)),
        ({"domain": "shop.fi"}, (1, 1, 0)),
        ({"phone": "+1 512 555 0100"}, (0, 0, 0)),
        ({"place_id": "p0"}, (0, 0, 0)),
    ],
)
@pytest.mark.parametrize("held", [True, False])
def test_it_is_in_no_claim(store, campaign_id, leases, contact, claimed, held) -> None:
    store.insert_businesses_batch(campaign_id, "1", [RECORD])
    if held:
        assert claim_all(store, campaign_id) == (1, 1, 1)
        assert leases() == ["facebook", "linkedin", "verification"]
    store.suppress_contacts([contact])
    if held:
        kinds = ("facebook", "linkedin", "verification")
        assert leases() == [k for k, n in zip(kinds, claimed, strict=True) if n]
    # The same worker asks again for what it holds, another one for what is left.
    assert claim_all(store, campaign_id) == claimed
    assert claim_all(store, campaign_id, "other") == (0, 0, 0)


def test_off_the_list_it_is_claimed_again(store, campaign_id) -> None:
    store.insert_businesses_batch(campaign_id, "1", [RECORD])
    contacts = ["a@shop.fi", {"place_id": "p0"}]
    store.suppress_contacts(contacts)
    assert claim_all(store, campaign_id) == (0, 0, 0)
    store.unsuppress_contacts(contacts)
    assert claim_all(store, campaign_id) == (1, 1, 1)


def test_another_business_of_the_address_is_verified_still(
    store, campaign_id, other_campaign_id
) -> None:
    store.insert_businesses_batch(campaign_id, "1", [RECORD])
    store.insert_businesses_batch(
        other_campaign_id, "1", [RECORD | {"place_id": "p1", "phone": None}]
    )
    assert claim_all(store, campaign_id) == (1, 1, 1)
    store.suppress_contacts([{"place_id": "p0"}])
    assert claim_all(store, campaign_id) == (0, 0, 0)
    assert claim_all(store, other_campaign_id) == (1, 1, 1)
