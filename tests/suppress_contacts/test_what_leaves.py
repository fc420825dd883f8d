"""A suppressed contact is no lead's email and in no queue, at once and in every campaign."""

from __future__ import annotations

import pytest

from campaigndb.tables import business_emails, businesses, suppressions


def place(number: int, **fields):
    return {
        "place_id": f"p{number}",
        "name": "Hall",
        "facebook_url": "https://fb.com/hall",
    } | fields


@pytest.fixture
def lead(rows):
    def read(number: int = 0):
        [business] = rows(businesses, place_id=f"p{number}")
        return business

    return read


def test_the_next_address_is_chosen_in_every_campaign(
    store, campaign_id, other_campaign_id, lead
) -> None:
    for number, campaign in enumerate([campaign_id, other_campaign_id]):
        store.insert_businesses_batch(
            campaign, "1", [place(number, emails=["Anna@Shop.fi", "info@shop.fi"])]
        )
    result = store.suppress_contacts([" mailto:ANNA@shop.fi "])
    assert (result.suppressed, result.known, result.businesses, result.failed) == (1, 0, 2, 0)
    assert [lead(0).email, lead(1).email] == ["info@shop.fi"] * 2


def test_without_another_address_nothing_of_it_is_left_in_the_lead(
    store, campaign_id, lead
) -> None:
    store.insert_businesses_batch(campaign_id, "1", [place(0, email="a@shop.fi")])
    store.update_email_verification(lead().id, "a@shop.fi", {"status": "deliverable", "score": 9})
    store.suppress_contacts(["a@shop.fi"])
    business = lead()
    assert (business.email, business.email_source, business.has_email) == (None, "not_found", False)
    assert (business.email_verified, business.bouncer_status, business.bouncer_score) == (
        False,
        None,
        None,
    )
    assert (business.is_safe, business.bouncer_verified_at) == (None, None)
    assert store.update_campaign_statistics(campaign_id).total_emails == 0


@pytest.mark.parametrize("again", ["the same record", "a changed record", "an enrichment"])
def test_nothing_brings_it_back(store, campaign_id, lead, again) -> None:
    record = place(0, email="a@shop.fi")
    store.insert_businesses_batch(campaign_id, "1", [record])
    store.suppress_contacts(["a@shop.fi"])
    if again == "an enrichment":
        store.update_enrichment_batch(
            "facebook", [{"business_id": lead().id, "emails": ["A@shop.fi"], "page_name": "Hall"}]
        )
    else:
        changed = {} if again == "the same record" else {"phone": "1"}
        store.insert_businesses_batch(campaign_id, "1", [record | changed])
    assert lead().email is None


def test_a_new_place_comes_without_it(store, campaign_id, rows, lead) -> None:
    store.suppress_contacts(["a@shop.fi", {"domain": "bad.fi"}])
    store.insert_businesses_batch(
        campaign_id,
        "1",
        [
            place(0, email="A@SHOP.fi"),
            place(1, emails=["x@mail.bad.fi", "b@shop.fi"]),
            place(2, email="c@notbad.fi"),
        ],
    )
    assert [lead(n).email for n in range(3)] == [None, "b@shop.fi", "c@notbad.fi"]
    assert {row.email for row in rows(business_emails)} == {"b@shop.fi", "c@notbad.fi"}


def test_a_domain_takes_its_subdomains_along_and_no_neighbour(store, campaign_id, lead) -> None:
    emails = [
        "a@bad.fi",
        "a@x.Bad.fi",
        "a@y.x.bad.fi",
        "a@notbad.fi",
        "a@bad.fi.com",
        "bad.fi@x.fi",
    ]
    store.insert_businesses_batch(
        campaign_id, "1", [place(number, email=email) for number, email in enumerate(emails)]
    )
    assert store.suppress_contacts([{"domain": "https://www.BAD.fi./contact"}]).businesses == 3
    assert [lead(n).email for n in range(6)] == [None, None, None, *emails[3:]]


@pytest.mark.parametrize(
    "phone", ["+1 (512) 555-0100", "512.555.0100", "5125550100 ext. 7", "001-512-555-0100"]
)
def test_a_phone_is_found_however_it_is_written(store, campaign_id, lead, phone) -> None:
    store.insert_businesses_batch(
        campaign_id, "1", [place(0, phone="(512) 555-0100"), place(1, phone="(512) 555-0101")]
    )
    assert store.suppress_contacts([{"phone": phone}]).businesses == 1
    assert [lead(n).business_status for n in range(2)] == ["suppressed", None]


@pytest.mark.parametrize("contact", [{"place_id": "p0"}, {"phone": "+1 512 555 0100"}])
@pytest.mark.parametrize("first", ["the place", "the suppression"])
def test_a_suppressed_place_is_in_no_queue_whatever_comes(
    store, campaign_id, lead, contact, first
) -> None:
    record = place(0, phone="512-555-0100")
    if first == "the suppression":
        store.suppress_contacts([contact])
    store.insert_businesses_batch(campaign_id, "1", [record])
    if first == "the place":
        store.suppress_contacts([contact])
    store.insert_businesses_batch(
        campaign_id, "1", [record | {"business_status": "OPERATIONAL", "website": "https://x.fi"}]
    )
    assert (lead().business_status, lead().website) == ("suppressed", "https://x.fi")


def test_a_place_is_suppressed_by_the_cid_it_was_first_known_by(store, campaign_id, rows) -> None:
    store.insert_businesses_batch(campaign_id, "1", [{"cid": "123456789", "name": "Hall"}])
    place_id = "ChIJN1t_tDeuEmsRUsoyG83frY4"
    store.insert_businesses_batch(
        campaign_id, "1", [{"cid": "123456789", "place_id": place_id, "name": "Hall"}]
    )
    assert store.suppress_contacts([{"place_id": "cid:123456789"}]).businesses == 1
    assert [row.business_status for row in rows(businesses)] == ["suppressed"]


def test_the_list_names_no_person(store, rows) -> None:
    store.suppress_contacts(
        [
            {"email": "a@shop.fi", "phone": "512 555 0100", "reason": "asked by phone"},
            {"domain": "bad.fi", "place_id": "p9"},
        ]
    )
    listed = sorted(rows(suppressions), key=lambda row: row.kind)
    assert [(row.kind, row.value, row.reason) for row in listed] == [
        ("domain", "bad.fi", None),
        ("email", None, "asked by phone"),
        ("phone", None, "asked by phone"),
        ("place", "p9", None),
    ]
    assert all(len(row.value_hash) == 32 for row in listed)


def test_a_verdict_that_comes_late_is_kept_and_not_chosen(store, campaign_id, lead) -> None:
    store.insert_businesses_batch(campaign_id, "1", [place(0, email="a@shop.fi")])
    store.suppress_contacts(["a@shop.fi"])
    store.update_email_verification(lead().id, "a@shop.fi", {"status": "deliverable"})
    assert lead().email is None
    store.unsuppress_contacts(["a@shop.fi"])
    assert (lead().email, lead().email_verified) == ("a@shop.fi", True)
