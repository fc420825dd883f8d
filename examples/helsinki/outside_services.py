"""Stand-ins for Facebook, LinkedIn and the email verifier: they answer from what a record holds.

Items and answers have the forms of Apify's Facebook actor, of a LinkedIn actor and of Bouncer. Same
record, same answer, and nothing is asked over the network. LinkedIn addresses and generated emails
are made up from a website's name: nobody should write to them.
"""

from __future__ import annotations

import re
import zlib
from typing import Any
from urllib.parse import urlsplit

from campaigndb.calling.results import BusinessForEnrichment, EmailForVerification

_EMAIL = re.compile(r"[\w.+-]+@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}", re.IGNORECASE)
_DISPOSABLE_DOMAINS = {"mailinator.com", "yopmail.com"}
_FREE_DOMAINS = {"gmail.com", "hotmail.com", "outlook.com", "yahoo.com", "luukku.com"}
# One lookup of so many fails whatever is asked, as it does with the real services.
_FACEBOOK_FAILS = 5
_BOUNCER_FAILS = 20
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


def ask_facebook(business: BusinessForEnrichment) -> dict[str, Any]:
    """The item of a page, or the actor's error item, beside the business that it is about."""
    item: dict[str, Any] = {
        "business_id": business.business_id,
        "facebookUrl": business.facebook_url,
    }
    if _fails(business.place_id, _FACEBOOK_FAILS):
        return item | {
            "error": "not_available",
            "errorDescription": "This content isn't available right now",
        }
    return item | {
        "pageUrl": business.facebook_url,
        "title": business.name,
        "likes": len(business.name) * 100,
        "followers": len(business.name) * 110,
        "email": business.email,
        "phone": business.phone,
        "address": business.address,
        "website": business.website,
    }


def ask_linkedin(business: BusinessForEnrichment) -> dict[str, Any]:
    """The item of a company that is found by its website, or the actor's error item.

    The worker adds a guess by the pattern info@: it is chosen only where no address is known.
    """
    domain = website_domain(business.website)
    if domain is None or is_facebook(domain):
        return {
            "business_id": business.business_id,
            "status": 404,
            "error": "no company was found",
        }
    slug = domain.replace(".", "-")
    return {
        "business_id": business.business_id,
        "companyName": business.name,
        "universalName": slug,
        "url": f"https://www.linkedin.com/company/{slug}",
        "headquarter": {"city": business.city, "country": "FI"},
        "emails_generated": [f"info@{domain}"],
        "email_quality_tier": "low",
    }


def ask_bouncer(address: EmailForVerification) -> dict[str, Any]:
    """Bouncer's answer, from the address alone, beside the business that it was asked for."""
    email = address.email
    mailbox, _, domain = email.lower().rpartition("@")
    is_role = mailbox in _ROLES
    is_disposable = domain in _DISPOSABLE_DOMAINS
    if not _EMAIL.fullmatch(email):
        status, score, reason = "undeliverable", 0, "invalid_email"
    elif _fails(email.lower(), _BOUNCER_FAILS):
        status, score, reason = "unknown", 0, "timeout"
    elif is_disposable or is_role:
        status, score, reason = "risky", 60, "low_deliverability"
    else:
        status, score, reason = "deliverable", 95, "accepted_email"
    return {
        "business_id": address.business_id,
        "email": email,
        "status": status,
        "reason": reason,
        "domain": {
            "name": domain,
            "acceptAll": "no",
            "disposable": _word(is_disposable),
            "free": _word(domain in _FREE_DOMAINS),
        },
        "account": {"role": _word(is_role), "disabled": "no", "fullMailbox": "no"},
        "dns": {"type": "MX", "record": f"mx.{domain}."},
        "provider": "other",
        "score": score,
        "toxic": "unknown",
        "toxicity": 0,
    }


def _fails(asked: str, one_of: int) -> bool:
    return zlib.crc32(asked.encode()) % one_of == 0


def _word(is_so: bool) -> str:
    return "yes" if is_so else "no"
