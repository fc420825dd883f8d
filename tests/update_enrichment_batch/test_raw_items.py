"""Items as the scrapers give them, beside `business_id` alone."""

from __future__ import annotations

from typing import Any

import pytest

from campaigndb.tables import businesses, facebook_enrichments, linkedin_enrichments, lookups

FACEBOOK: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "apify/facebook-pages-scraper": (
        {
            "facebookUrl": "https://www.facebook.com/copperpot/?ref=x",
            "pageUrl": "https://www.facebook.com/copperpot",
            "title": "The Copper Pot",
            "pageName": "copperpot",
            "likes": 9433,
            "followers": 10123,
            "email": "Info@copperpot.example",
            "phone": "(306) 555-0145",
            "address": "1953 Invented Street, Regina",
            "website": "http://copperpot.example",
        },
        {
            "facebook_url": "https://www.facebook.com/copperpot",
            "page_name": "The Copper Pot",
            "page_likes": 9433,
            "page_followers": 10123,
            "emails": ["Info@copperpot.example"],
            "primary_email": "Info@copperpot.example",
            "phone_numbers": ["(306) 555-0145"],
            "addresses": ["1953 Invented Street, Regina"],
        },
    ),
    "its older form": (
        {
            "facebookUrl": "https://www.facebook.com/copperpot",
            "title": "The Copper Pot",
            "likes": "9.4K",
            "followers": "1,234 people follow this",
            "address": {
                "street": "1953 Invented Street", "city": "Regina", "region": "SK",
                "postalCode": "S4P", "lat": 50.4, "lng": -104.6,
            },
            "phones": [{"number": "+13065550145"}, None, "+13065550146"],
        },
        {
            "page_likes": 9400,
            "page_followers": 1234,
            "addresses": ["1953 Invented Street, Regina, SK, S4P"],
            "phone_numbers": ["+13065550145", "+13065550146"],
        },
    ),
    "contact scrapers": (
        {
            "name": "The Copper Pot",
            "url": "facebook.com/copperpot",
            "likesCount": 1,
            "followersCount": "2M",
            "emails": [{"email": "a@pot.example"}, "mailto:b@pot.example?subject=x", "logo@2x.png"],
            "phoneNumbers": ["1", 2],
        },
        {
            "facebook_url": "facebook.com/copperpot",
            "page_name": "The Copper Pot",
            "page_likes": 1,
            "page_followers": 2_000_000,
            "primary_email": "a@pot.example",
            "phone_numbers": ["1", "2"],
        },
    ),
    "camelCase of the own names": (
        {
            "facebookUrl": "https://www.facebook.com/oldworker",
            "pageName": "Old",
            "pageLikes": 1,
            "pageFollowers": 2,
            "primaryEmail": "a@oldworker.example",
            "emailSources": ["about"],
            "phoneNumbers": ["+13065550146"],
            "enrichmentStatus": "pending",
        },
        {
            "page_name": "Old",
            "page_likes": 1,
            "page_followers": 2,
            "primary_email": "a@oldworker.example",
            "email_sources": ["about"],
            "phone_numbers": ["+13065550146"],
        },
    ),
}  # fmt: skip
LINKEDIN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "dev_fusion, a profile": (
        {
            "linkedinUrl": "https://www.linkedin.com/in/anna-invented",
            "firstName": "Anna",
            "lastName": "Invented",
            "fullName": "Anna Invented",
            "headline": "Owner at Invented Ltd",
            "connections": "500+",
            "email": "anna@invented.example",
            "mobileNumber": "+420555",
            "jobTitle": "Owner",
            "companyName": "Invented Ltd",
            "addressWithCountry": "Prague, Czechia",
        },
        {
            "linkedin_url": "https://www.linkedin.com/in/anna-invented",
            "profile_type": "personal",
            "person_name": "Anna Invented",
            "person_title": "Owner",
            "person_profile_url": "https://www.linkedin.com/in/anna-invented",
            "company_name": "Invented Ltd",
            "location": "Prague, Czechia",
            "connections": 500,
            "emails_found": ["anna@invented.example"],
            "primary_email": "anna@invented.example",
            "phone_numbers": ["+420555"],
        },
    ),
    "harvestapi, a profile": (
        {
            "element": {
                "publicIdentifier": "anna-invented",
                "linkedinUrl": "https://www.linkedin.com/in/anna-invented",
                "firstName": "Anna",
                "lastName": "Invented",
                "headline": "Owner",
                "location": {"linkedinText": "Prague", "countryCode": "CZ"},
                "connectionsCount": 1200,
                "followerCount": 5,
                "currentPosition": [{"companyName": "Invented Ltd", "position": "Founder"}],
                "emails": [{"email": "anna@invented.example", "deliverable": True}],
            },
            "status": 200,
        },
        {
            "profile_type": "personal",
            "person_name": "Anna Invented",
            "person_title": "Founder",
            "company_name": "Invented Ltd",
            "location": "Prague",
            "connections": 1200,
            "primary_email": "anna@invented.example",
        },
    ),
    "apimaestro, a profile": (
        {
            "basic_info": {
                "fullname": "Anna Invented",
                "first_name": "Anna",
                "headline": "Owner at Invented Ltd",
                "profile_url": "https://www.linkedin.com/in/anna-invented",
                "location": {"country": "Czechia", "city": "Prague", "full": "Prague, Czechia"},
                "current_company": "Invented Ltd",
                "connection_count": 300,
                "email": "anna@invented.example",
            },
            "experience": [{"title": "Owner", "company": "Invented Ltd"}],
        },
        {
            "profile_type": "personal",
            "person_name": "Anna Invented",
            "person_title": "Owner at Invented Ltd",
            "company_name": "Invented Ltd",
            "location": "Prague, Czechia",
            "connections": 300,
            "primary_email": "anna@invented.example",
        },
    ),
    "a company": (
        {
            "companyName": "Invented Ltd",
            "universalName": "invented",
            "url": "https://www.linkedin.com/company/invented/",
            "followerCount": 10,
            "headquarter": {"city": "Prague", "geographicArea": "Bohemia", "country": "CZ"},
            "phone": {"number": "+420555"},
        },
        {
            "linkedin_url": "https://www.linkedin.com/company/invented/",
            "profile_type": "company",
            "company_name": "Invented Ltd",
            "location": "Prague, Bohemia, CZ",
            "person_name": None,
            "person_title": None,
            "person_profile_url": None,
            "phone_numbers": ["+420555"],
        },
    ),
    "harvestapi, a company": (
        {
            "name": "Invented Ltd",
            "universalName": "invented",
            "linkedinUrl": "https://www.linkedin.com/company/invented",
            "tagline": "We invent",
        },
        {"profile_type": "company", "company_name": "Invented Ltd", "person_name": None},
    ),
    "the original worker": (
        {
            "linkedin_url": "https://www.linkedin.com/in/b-invented",
            "profile_type": "person",
            "company": "B Ltd",
            "primary_email": "b@b-ltd.example",
            "email_source": "linkedin_public",
            "phone_number": "+13065550147",
        },
        {
            "profile_type": "personal",
            "company_name": "B Ltd",
            "email_source": "linkedin_direct",
            "phone_numbers": ["+13065550147"],
        },
    ),
    "camelCase of the own names": (
        {
            "linkedinUrl": "https://www.linkedin.com/company/hall",
            "profileType": "company_page",
            "personName": "Aino",
            "personTitle": "CEO",
            "personProfileUrl": "https://www.linkedin.com/in/aino",
            "companyName": "Hall",
            "emailsFound": ["a@hall.fi"],
            "emailsGenerated": ["b@hall.fi"],
            "emailSource": "generated",
            "emailQualityTier": "A",
        },
        {
            "profile_type": "company",
            "person_name": "Aino",
            "person_title": "CEO",
            "person_profile_url": "https://www.linkedin.com/in/aino",
            "emails_found": ["a@hall.fi"],
            "emails_generated": ["b@hall.fi"],
            "email_source": "generated",
            "email_quality_tier": "A",
        },
    ),
}


@pytest.mark.parametrize("name", FACEBOOK)
def test_an_item_of_facebook_fills_the_columns(raw_call, add_business, row, name) -> None:
    item, expected = FACEBOOK[name]
    given = item | {"business_id": str(add_business("a"))}
    envelope = raw_call(
        "update_enrichment_batch", p_enrichment_type="facebook", p_enrichments=[given]
    )
    assert (envelope["updated"], envelope["failures"]) == (1, [])
    stored = row(facebook_enrichments)
    assert {column: getattr(stored, column) for column in expected} == expected
    assert (stored.success, stored.raw_data) == (True, given)
    assert row(businesses).facebook_url == stored.facebook_url


@pytest.mark.parametrize("name", LINKEDIN)
def test_an_item_of_linkedin_fills_the_columns(raw_call, add_business, row, name) -> None:
    item, expected = LINKEDIN[name]
    given = item | {"businessId": str(add_business("a"))}
    envelope = raw_call(
        "update_enrichment_batch", p_enrichment_type="linkedin", p_enrichments=[given]
    )
    assert (envelope["updated"], envelope["failures"]) == (1, [])
    stored = row(linkedin_enrichments)
    assert {column: getattr(stored, column) for column in expected} == expected
    assert (stored.success, stored.raw_data) == (True, given)
    assert row(businesses).linkedin_url == stored.linkedin_url


NO_PAGES = (
    "https://www.facebook.com/sharer.php?u=x",
    "https://www.facebook.com/sharer/sharer.php?u=x",
    "https://www.facebook.com/plugins/page.php?href=x",
    "https://www.facebook.com/",
    "https://facebook.com",
    "https://www.facebook.com/login/?next=x",
    "https://www.linkedin.com/shareArticle?mini=true",
    "https://www.linkedin.com/",
    "https://www.linkedin.com/sharing/share-offsite/?url=x",
)


@pytest.mark.parametrize("url", NO_PAGES)
def test_a_url_that_can_be_no_page_is_none(raw_call, add_business, row, url) -> None:
    kind = "facebook" if "facebook" in url else "linkedin"
    business_id = str(add_business("a"))
    for name in (f"{kind}_url", f"{kind}Url", "url"):
        item = {"business_id": business_id, name: url, "email": "a@hall.fi"}
        raw_call("update_enrichment_batch", p_enrichment_type=kind, p_enrichments=[item])
        business = row(businesses)
        assert (business.facebook_url, business.linkedin_url) == (None, None)


def test_the_page_that_was_asked_for_is_no_knowledge(raw_call, add_business, rows, row) -> None:
    url = "https://www.facebook.com/hall"
    item = {"business_id": str(add_business("a", facebook_url=url)), "facebookUrl": url}
    before = row(businesses)
    envelope = raw_call(
        "update_enrichment_batch", p_enrichment_type="facebook", p_enrichments=[item]
    )
    assert (row(businesses), rows(facebook_enrichments)) == (before, [])
    # It was paid for all the same: an attempt that failed.
    assert row(lookups).failed_reason == "nothing is known in it"
    assert [failure["reason"] for failure in envelope["failures"]] == ["nothing is known in it"]
