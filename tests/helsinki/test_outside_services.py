"""The stand-ins answer from a record alone, dirty ones included."""

from __future__ import annotations

import uuid

import pytest

from campaigndb.calling.results import BusinessForEnrichment, EmailForVerification
from examples.helsinki.jobs import found_nothing
from examples.helsinki.outside_services import (
    _BOUNCER_FAILS,
    _FACEBOOK_FAILS,
    _fails,
    ask_bouncer,
    ask_facebook,
    ask_linkedin,
    website_domain,
)
from examples.helsinki.report import percentile


def business(**known: str) -> BusinessForEnrichment:
    fields = dict.fromkeys(
        ("address", "city", "state", "postal_code", "phone", "website", "email")
    ) | dict.fromkeys(("facebook_url", "linkedin_url"))
    return BusinessForEnrichment(
        **{
            **fields,
            "business_id": uuid.uuid4(),
            "campaign_id": uuid.uuid4(),
            "place_id": "p",
            "name": "Café",
            "enrichment_status": "pending",
            "enrichment_attempts": 0,
            "needs_enrichment": True,
            **known,
        }
    )


@pytest.mark.parametrize(
    ("website", "domain"),
    [
        ("http://www.example.fi/en?x=1", "example.fi"),
        ("www.example.fi", "example.fi"),
        ("HTTPS://Example.FI:8080/", "example.fi"),
        ("https://shop.example.co.uk", "shop.example.co.uk"),
        ("localhost", None),
        ("not a website", None),
        ("http://[broken", None),
        ("", None),
        (None, None),
    ],
)
def test_a_website_has_a_domain_or_none(website: str | None, domain: str | None) -> None:
    assert website_domain(website) == domain


def named(one_of: int, fails: bool) -> str:
    """A text that is looked up with that outcome."""
    return next(text for n in range(1000) if _fails(text := f"x{n}@cafe.fi", one_of) is fails)


def test_a_page_is_the_actors_item_or_its_error() -> None:
    url = "https://www.facebook.com/cafe"
    found = ask_facebook(business(place_id=named(_FACEBOOK_FAILS, False), facebook_url=url))
    assert (found["pageUrl"], "error" in found) == (url, False)
    missed = ask_facebook(business(place_id=named(_FACEBOOK_FAILS, True), facebook_url=url))
    assert (missed["error"], "pageUrl" in missed) == ("not_available", False)
    assert found_nothing(missed)
    assert not found_nothing(found)


def test_a_company_is_found_by_its_website() -> None:
    found = ask_linkedin(business(website="http://www.cafe.fi/en"))
    assert found["url"] == "https://www.linkedin.com/company/cafe-fi"
    assert found["emails_generated"] == ["info@cafe.fi"]


@pytest.mark.parametrize("website", ["https://facebook.com/cafe", "nowhere"])
def test_a_company_without_a_website_of_its_own_is_not_found(website: str) -> None:
    assert found_nothing(ask_linkedin(business(website=website)))


@pytest.mark.parametrize(
    ("email", "status"),
    [
        ("anna@cafe.fi", "deliverable"),
        ("Anna.B+news@cafe.co.uk", "deliverable"),
        ("info@cafe.fi", "risky"),
        ("anna@mailinator.com", "risky"),
        ("anna@cafe", "undeliverable"),
        ("anna at cafe.fi", "undeliverable"),
        (named(_BOUNCER_FAILS, True), "unknown"),
    ],
)
def test_an_email_is_judged_by_its_form(email: str, status: str) -> None:
    asked = EmailForVerification(business_id=uuid.uuid4(), email=email, source="google_maps")
    answer = ask_bouncer(asked)
    assert answer["status"] == status
    assert answer["email"] == email
    assert found_nothing(answer) is (status == "unknown")


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([7.0], 0.95, 7.0), ([3.0, 1.0, 2.0], 0.5, 2.0), (list(range(1, 101)), 0.95, 95)],
)
def test_a_percentile_is_one_of_the_values(
    values: list[float], share: float, expected: float
) -> None:
    assert percentile(values, share) == expected
