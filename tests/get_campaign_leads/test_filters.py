"""Which businesses are leads."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from campaigndb import InvalidInputError, MissingReferenceError


def names(leads) -> list[str]:
    return [lead.place_id for lead in leads]


@pytest.fixture
def places(add_lead, add_business) -> None:
    add_lead("safe", category="Dentist", rating=4.5)
    add_lead("risky", status="risky", category="Cafe", rating=3)
    add_lead("unasked", status=None)
    add_business("without")


def test_safe_addresses_only_unless_others_are_asked_for(store, campaign_id, places) -> None:
    assert names(store.get_campaign_leads(campaign_id)) == ["safe"]
    for emails, found in {
        "safe": ["safe"],
        "verified": ["safe"],
        "any": ["safe", "risky", "unasked"],
        "none": ["without"],
    }.items():
        assert names(store.get_campaign_leads(campaign_id, {"emails": emails})) == found


def test_a_deliverable_address_that_is_not_safe_is_verified_only(
    store, campaign_id, add_business
) -> None:
    business_id = add_business("disposable", email="a@trash.fi")
    store.update_email_verification(
        business_id, "a@trash.fi", {"status": "deliverable", "is_disposable": True}
    )
    assert names(store.get_campaign_leads(campaign_id)) == []
    assert names(store.get_campaign_leads(campaign_id, {"emails": "verified"})) == ["disposable"]


@pytest.mark.parametrize("status", ["closed_permanently", "closed_temporarily"])
def test_a_closed_place_is_never_a_lead(store, campaign_id, add_lead, status) -> None:
    add_lead("closed", business_status=status)
    for emails in ("safe", "verified", "any", "none"):
        assert store.get_campaign_leads(campaign_id, {"emails": emails}) == ()


def test_a_place_that_closes_later_is_no_lead_any_more(store, campaign_id, add_lead) -> None:
    add_lead("place")
    assert names(store.get_campaign_leads(campaign_id)) == ["place"]
    store.insert_businesses_batch(
        campaign_id,
        "00100",
        [{"place_id": "place", "name": "Kauppahalli", "business_status": "closed_permanently"}],
    )
    assert store.get_campaign_leads(campaign_id) == ()


def test_filters_narrow_down_together(store, campaign_id, places) -> None:
    def found(**given) -> list[str]:
        return names(store.get_campaign_leads(campaign_id, {"emails": "any", **given}))

    assert found(zip_codes=["00100"]) == ["safe", "risky", "unasked"]
    assert found(zip_codes=["00120"]) == found(zip_codes=[]) == []
    assert found(categories=["dENTIST", "Bar"]) == ["safe"]
    assert found(min_rating=Decimal("4.5")) == ["safe"]
    assert found(min_rating=3, categories=["Cafe"]) == ["risky"]


def test_each_of_a_business_categories_is_looked_at(store, campaign_id, add_lead) -> None:
    add_lead("one", category="Shop", categories=["Shop", 'Key, and "lock" service'])
    found = store.get_campaign_leads(campaign_id, {"categories": ['key, AND "lock" service']})
    assert names(found) == ["one"]


def test_since_finds_an_old_place_whose_verdict_is_new(
    store, campaign_id, add_lead, add_business
) -> None:
    add_lead("before")
    waiting = add_business("waiting", email="w@kauppahalli.fi")
    [before] = store.get_campaign_leads(campaign_id)
    after = before.changed_at + datetime.timedelta(microseconds=1)
    assert store.get_campaign_leads(campaign_id, {"since": after.isoformat()}) == ()
    # The same record with another rating is nothing new to whoever writes to it.
    add_business("before", email="before@kauppahalli.fi", rating=4.1)
    store.update_email_verification(waiting, "w@kauppahalli.fi", {"status": "deliverable"})
    found = store.get_campaign_leads(campaign_id, {"since": after.isoformat()})
    assert names(found) == ["waiting"]


def test_of_several_places_with_one_address_the_first_stays(
    store, campaign_id, add_lead, add_business
) -> None:
    add_lead("first", "info@chain.fi")
    add_lead("second", "INFO@chain.fi")
    add_lead("other", "other@chain.fi")
    assert len(store.get_campaign_leads(campaign_id)) == 3
    assert len(store.get_campaign_leads(campaign_id, {"duplicates": "keep"})) == 3
    found = store.get_campaign_leads(campaign_id, {"duplicates": "drop"})
    assert names(found) == ["first", "other"]
    # Page by page as well; without an address none is another's duplicate.
    paged = store.iter_leads(campaign_id, {"duplicates": "drop"}, page_size=1)
    assert names(paged) == ["first", "other"]
    add_business("without")
    add_business("without too")
    found = store.get_campaign_leads(campaign_id, {"duplicates": "drop", "emails": "none"})
    assert names(found) == ["without", "without too"]


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        (
            {"email": "safe"},
            "p_filter.email is not one of emails, duplicates, zip_codes, categories, min_rating,"
            " since",
        ),
        ({"emails": "good"}, "p_filter.emails is not one of safe, verified, any, none"),
        ({"emails": True}, "p_filter.emails is not one of safe, verified, any, none"),
        ({"duplicates": "some"}, "p_filter.duplicates is not one of keep, drop"),
        ({"zip_codes": [1]}, "p_filter.zip_codes is not a list of texts"),
        ({"categories": {"a": 1}}, "p_filter.categories is not a list of texts"),
        ({"min_rating": "high"}, "p_filter.min_rating is not a number"),
        ({"min_rating": -1}, "p_filter.min_rating is negative"),
        (
            {"since": "yesterday"},
            "p_filter.since is not a time with its offset, such as 2026-01-31T09:00:00Z",
        ),
        (
            {"since": "2026-01-31T09:00:00"},
            "p_filter.since is not a time with its offset, such as 2026-01-31T09:00:00Z",
        ),
        ([], "p_filter is not a JSON object"),
    ],
)
def test_an_unknown_key_or_value_is_refused_with_the_known_ones(
    store, campaign_id, given, detail
) -> None:
    with pytest.raises(InvalidInputError) as raised:
        store.get_campaign_leads(campaign_id, given)
    assert raised.value.detail == detail
    assert raised.value.error_code == "22023"


def test_null_in_a_filter_is_as_if_it_were_not_there(store, campaign_id, add_lead) -> None:
    add_lead("one")
    given = dict.fromkeys(
        ["emails", "duplicates", "zip_codes", "categories", "min_rating", "since"]
    )
    assert names(store.get_campaign_leads(campaign_id, given)) == ["one"]


def test_a_day_that_is_none_is_refused(store, campaign_id) -> None:
    with pytest.raises(InvalidInputError):
        store.get_campaign_leads(campaign_id, {"since": "2026-02-31T09:00:00Z"})


def test_a_campaign_that_is_none(store, campaign_id) -> None:
    with pytest.raises(MissingReferenceError):
        store.get_campaign_leads("00000000-0000-0000-0000-000000000000")
    assert store.get_campaign_leads(campaign_id) == ()
