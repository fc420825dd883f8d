"""The stand-ins answer from a record alone, dirty ones included."""

from __future__ import annotations

import uuid

import pytest

from app.demo.outside_services import (
    look_up_facebook_page,
    look_up_linkedin_profile,
    verify_email,
    website_domain,
)
from app.demo.report import percentile
from app.results import BusinessForEnrichment


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


@pytest.mark.parametrize(
    "known",
    [
        {"facebook_url": "https://www.facebook.com/cafe"},
        {"website": "https://www.facebook.com/cafe"},
    ],
)
def test_a_facebook_page_is_found_in_either_field(known: dict[str, str]) -> None:
    found = look_up_facebook_page(business(**known))
    assert found["success"] is True
    assert found["facebook_url"] == "https://www.facebook.com/cafe"


@pytest.mark.parametrize("website", [None, "https://notfacebook.com/cafe"])
def test_a_business_without_a_page_has_no_facebook(website: str | None) -> None:
    found = look_up_facebook_page(business(**({"website": website} if website else {})))
    assert (found["success"], found["enrichment_status"]) == (False, "no_facebook")


def test_a_known_email_is_not_replaced_by_a_guess() -> None:
    found = look_up_linkedin_profile(business(website="cafe.fi", email="me@cafe.fi"))
    assert found["success"] is True
    assert "emails_generated" not in found
    guessed = look_up_linkedin_profile(business(website="cafe.fi"))
    assert guessed["emails_generated"] == ["info@cafe.fi"]


@pytest.mark.parametrize("website", ["https://facebook.com/cafe", "nowhere"])
def test_a_company_without_a_website_of_its_own_is_not_found(website: str) -> None:
    found = look_up_linkedin_profile(business(website=website))
    assert found["success"] is False
    assert found["error_message"]


@pytest.mark.parametrize(
    ("email", "status"),
    [
        ("anna@cafe.fi", "deliverable"),
        ("Anna.B+news@cafe.co.uk", "deliverable"),
        ("info@cafe.fi", "risky"),
        ("anna@mailinator.com", "risky"),
        ("anna@cafe", "undeliverable"),
        ("anna at cafe.fi", "undeliverable"),
    ],
)
def test_an_email_is_judged_by_its_form(email: str, status: str) -> None:
    answer = verify_email(email)
    assert answer["status"] == status
    assert answer["is_safe"] is (status == "deliverable")


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([7.0], 0.95, 7.0), ([3.0, 1.0, 2.0], 0.5, 2.0), (list(range(1, 101)), 0.95, 95)],
)
def test_a_percentile_is_one_of_the_values(
    values: list[float], share: float, expected: float
) -> None:
    assert percentile(values, share) == expected
