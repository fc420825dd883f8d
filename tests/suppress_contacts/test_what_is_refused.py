"""Lists hold what people write; what names nobody is told and stops no other contact."""

from __future__ import annotations

import pytest

from campaigndb import InvalidInputError


@pytest.mark.parametrize(
    ("contact", "reason"),
    [
        ("", "it names no email, domain, phone or place"),
        ({"email": " ", "phone": None}, "it names no email, domain, phone or place"),
        ({}, "it names no email, domain, phone or place"),
        (None, "it names no email, domain, phone or place"),
        (7, "it names no email, domain, phone or place"),
        ("a@x.fi, b@x.fi", "the email is not one address"),
        ("nobody", "the email is not one address"),
        ({"domain": "com"}, "the domain is none"),
        ({"domain": "a b.fi"}, "the domain is none"),
        ({"phone": "call me"}, "the phone is none"),
        ({"phone": "123"}, "the phone is none"),
    ],
)
def test_a_contact_that_is_none_stops_no_other(store, contact, reason) -> None:
    result = store.suppress_contacts([contact, "a@shop.fi"])
    assert (result.suppressed, result.failed) == (1, 1)
    assert [(failure.index, failure.reason) for failure in result.failures] == [(0, reason)]


def test_a_whole_provider_is_asked_for_twice(store) -> None:
    result = store.suppress_contacts([{"domain": "www.GMAIL.com"}])
    assert (result.suppressed, result.failed) == (0, 1)
    assert "gmail.com is a whole provider's domain" in result.failures[0].reason
    assert (
        store.suppress_contacts([{"domain": "gmail.com", "whole_provider": True}]).suppressed == 1
    )


def test_what_is_no_list_is_refused(store, nothing_changes) -> None:
    with nothing_changes(), pytest.raises(InvalidInputError, match="p_contacts"):
        store.suppress_contacts({"email": "a@shop.fi"})


def test_it_runs_in_read_committed_only(app_engine, store, nothing_changes) -> None:
    with nothing_changes(), app_engine.connect() as connection:
        connection = connection.execution_options(isolation_level="SERIALIZABLE")
        with connection.begin(), pytest.raises(InvalidInputError, match="READ COMMITTED"):
            store.bind(connection).suppress_contacts(["a@shop.fi"])


def test_the_same_list_twice_changes_nothing(store, campaign_id, rows) -> None:
    contacts = ["a@shop.fi", "A@shop.fi", {"domain": "bad.fi"}, {"phone": "512 555 0100"}]
    first = store.suppress_contacts(contacts)
    again = store.suppress_contacts(contacts)
    assert (first.suppressed, first.known) == (3, 0)
    assert (again.suppressed, again.known, again.businesses) == (0, 3, 0)
