"""Stand-ins for Facebook, LinkedIn and the email verifier: they answer from what a record holds.

Same record, same answer, and nothing is asked over the network. LinkedIn addresses and generated
emails are made up from a website's name: nobody should write to them.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from app.results import BusinessForEnrichment

_EMAIL = re.compile(r"[\w.+-]+@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}", re.IGNORECASE)
_DISPOSABLE_DOMAINS = {"mailinator.com", "yopmail.com"}
_FREE_DOMAINS = {"gmail.com", "hotmail.com", "outlook.com", "yahoo.com", "luukku.com"}
_ROLES = {"info", "office", "sales", "contact", "myynti", "asiakaspalvelu", "toimisto"}


def website_domain(website: str | None) -> str | None:
    """`example.fi` of `http://www.example.fi/en`, also where the scheme is missing."""
    if website is None:
        return None
    try:
        host = urlsplit(website if "//" in website else f"//{website}").hostname
    except ValueError:
        return None
    domain = (host or "").removeprefix("www.")
    return domain if re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}", domain) else None


def is_facebook(domain: str | None) -> bool:
    return domain is not None and (domain == "facebook.com" or domain.endswith(".facebook.com"))


def look_up_facebook_page(business: BusinessForEnrichment) -> dict[str, Any]:
    """An item for `update_enrichment_batch`: the page that the record names, if any."""
    url = business.facebook_url
    if url is None and is_facebook(website_domain(business.website)):
        url = business.website
    if url is None:
        return {
            "business_id": business.business_id,
            "success": False,
            "enrichment_status": "no_facebook",
            "error_message": "the business has no Facebook page",
        }
    return {
        "business_id": business.business_id,
        "success": True,
        "facebook_url": url,
        "page_name": business.name,
        "phone_numbers": [business.phone] if business.phone else [],
        "addresses": [business.address] if business.address else [],
    }


def look_up_linkedin_profile(business: BusinessForEnrichment) -> dict[str, Any]:
    """An item for `update_enrichment_batch`: a company that is found by its website.

    An email is generated only where none is known: a guess must not replace a fact.
    """
    domain = website_domain(business.website)
    if domain is None or is_facebook(domain):
        return {
            "business_id": business.business_id,
            "success": False,
            "error_message": "there is no website to find the company by",
        }
    item: dict[str, Any] = {
        "business_id": business.business_id,
        "success": True,
        "linkedin_url": f"https://www.linkedin.com/company/{domain.replace('.', '-')}",
        "profile_type": "company",
        "company_name": business.name,
        "location": business.city,
    }
    if business.email is None:
        item |= {
            "emails_generated": [f"info@{domain}"],
            "email_source": "generated",
            "email_quality_tier": "low",
        }
    return item


def verify_email(email: str) -> dict[str, Any]:
    """Data for `update_email_verification`, from the address alone."""
    mailbox, _, domain = email.lower().rpartition("@")
    is_role_based = mailbox in _ROLES
    is_disposable = domain in _DISPOSABLE_DOMAINS
    if not _EMAIL.fullmatch(email):
        status, score, reason = "undeliverable", 0, "invalid_email"
    elif is_disposable or is_role_based:
        status, score, reason = "risky", 60, "low_deliverability"
    else:
        status, score, reason = "deliverable", 95, "accepted_email"
    return {
        "status": status,
        "score": score,
        "reason": reason,
        "domain": domain,
        "is_safe": status == "deliverable",
        "is_role_based": is_role_based,
        "is_disposable": is_disposable,
        "is_free_email": domain in _FREE_DOMAINS,
    }
