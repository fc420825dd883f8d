"""linkedin > facebook > google_maps: an email never gives way to one from a worse source."""

import itertools

from campaigndb import CampaignStore
from campaigndb.tables import business_emails, businesses

RANK = {None: 0, "google_maps": 1, "facebook": 2, "linkedin": 3}
SOURCES = ("google_maps", "facebook", "linkedin")


def record(place_id, source, email):
    found = {} if source is None else {"email": email, "email_source": source}
    return {"place_id": place_id, "name": "Kauppahalli", **found}


def test_each_source_replaces_worse_ones_only(
    store: CampaignStore, campaign_id, rows, subtests
) -> None:
    pairs = list(itertools.product([None, *SOURCES], SOURCES))
    first = [record(f"{old}-{new}", old, "old@example.com") for old, new in pairs]
    second = [record(f"{old}-{new}", new, "new@example.com") for old, new in pairs]

    assert store.insert_businesses_batch(campaign_id, "1", first).inserted == len(pairs)
    assert store.insert_businesses_batch(campaign_id, "1", second).updated == len(pairs)

    stored = {business.place_id: business for business in rows(businesses)}
    for old, new in pairs:
        with subtests.test(old=old, new=new):
            business = stored[f"{old}-{new}"]
            expected = (
                ("new@example.com", new) if RANK[new] > RANK[old] else ("old@example.com", old)
            )
            assert (business.email, business.email_source) == expected


def test_no_source_ever_replaces_an_email_by_none(
    store: CampaignStore, campaign_id, rows, subtests
) -> None:
    store.insert_businesses_batch(
        campaign_id, "1", [record(source, source, "kept@example.com") for source in SOURCES]
    )
    for nothing in ({}, {"email": None}, {"email": " "}, {"email": "n/a"}, {"emails": []}):
        for source in SOURCES:
            store.insert_businesses_batch(
                campaign_id,
                "1",
                [
                    {"place_id": place, "name": "x", "email_source": source, **nothing}
                    for place in SOURCES
                ],
            )
        with subtests.test(nothing=nothing):
            assert {(b.place_id, b.email, b.email_source) for b in rows(businesses)} == {
                (source, "kept@example.com", source) for source in SOURCES
            }


def test_an_unknown_source_is_the_scrapers(store: CampaignStore, campaign_id, rows) -> None:
    store.insert_businesses_batch(
        campaign_id,
        "1",
        [
            record(str(number), source, "a@example.com")
            for number, source in enumerate(["not_found", "LinkedIn", "owner", 7, {"x": []}, ""])
        ],
    )
    assert {business.email_source for business in rows(businesses)} == {"google_maps"}


def test_what_cannot_be_an_address_is_no_email(
    store: CampaignStore, campaign_id, rows, subtests
) -> None:
    texts = ["info", "@example.com", "info@", "a @ example.com", "a@b@c.d", "", "mailto:", "\u2003"]
    store.insert_businesses_batch(
        campaign_id,
        "1",
        [record(str(number), "linkedin", text) for number, text in enumerate(texts)],
    )
    for business in rows(businesses):
        with subtests.test(email=texts[int(business.place_id)]):
            assert (business.email, business.email_source) == (None, "not_found")


def test_white_space_around_an_address_is_cut_off(store: CampaignStore, campaign_id, row) -> None:
    store.insert_businesses_batch(
        campaign_id, "1", [{"placeId": "a", "title": "x", "emails": ["\t Info@Hel.fi \n"]}]
    )
    assert row(businesses).email == "Info@Hel.fi"


def test_a_verified_email_stays_and_a_later_one_is_kept_beside_it(
    store: CampaignStore, add_business, row, rows
) -> None:
    business_id = add_business("a", email="old@example.com")
    store.update_email_verification(business_id, "old@example.com", {"status": "deliverable"})
    add_business("a", email="new@example.com", email_source="linkedin")
    business = row(businesses)
    assert (business.email, business.email_verified) == ("old@example.com", True)
    assert business.bouncer_status == "deliverable"
    assert {(e.email, e.source, e.status) for e in rows(business_emails)} == {
        ("old@example.com", "google_maps", "deliverable"),
        ("new@example.com", "linkedin", None),
    }


def test_an_undeliverable_email_gives_way_to_any_other(
    store: CampaignStore, add_business, row
) -> None:
    business_id = add_business("a", email="old@example.com", email_source="linkedin")
    store.update_email_verification(business_id, "old@example.com", {"status": "undeliverable"})
    add_business("a", email="new@example.com")
    business = row(businesses)
    assert (business.email, business.email_source) == ("new@example.com", "google_maps")
    assert (business.email_verified, business.bouncer_status, business.is_safe) == (
        False,
        None,
        None,
    )
