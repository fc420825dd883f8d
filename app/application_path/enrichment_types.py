"""The two types of enrichment: their tables, and what an item of a batch may hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table

from app.application_path import checks
from app.application_path.checks import Check, count_in, first_problem
from app.application_path.scraped_values import scraped_email, scraped_text, text_list
from app.tables import facebook_enrichments, linkedin_enrichments
from app.tables.metadata import (
    ENRICHMENT_STATUSES,
    LINKEDIN_EMAIL_SOURCES,
    LINKEDIN_PROFILE_TYPES,
)

_COMMON_CHECKS: Mapping[str, Check] = {
    "business_id": checks.uuid_text,
    "success": checks.boolean,
    "error_message": checks.text,
    "primary_email": checks.text,
    "phone_numbers": checks.texts,
    "idempotency_key": checks.text,
}


@dataclass(frozen=True, kw_only=True)
class EnrichmentType:
    """What is different between the types; `texts` to `lists` are the columns of their kind."""

    name: str
    table: Table
    checks: Mapping[str, Check]
    texts: tuple[str, ...]
    words: tuple[str, ...] = ()
    counts: tuple[str, ...]
    lists: tuple[str, ...]
    # Whose first address is the email where no primary one is given; what is none is passed over.
    email_lists: tuple[str, ...]
    url: str
    # When the row was last written.
    times: tuple[str, ...]

    def problem(self, item: Any) -> str | None:
        """The first thing that keeps one enrichment from being applied."""
        if not isinstance(item, dict):
            return "not a JSON object"
        if item.get("business_id") is None:
            return "business_id is missing"
        return first_problem(item, self.checks)

    def row(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """The columns that an item without a problem fills, less keys and JSON."""
        succeeded = item.get("success")
        if succeeded is None:
            succeeded = scraped_text(item.get("error_message")) is None
        return {
            **{name: scraped_text(item.get(name)) for name in (*self.texts, "error_message")},
            **{name: item.get(name) for name in self.words},
            **{name: count_in(item, name) for name in self.counts},
            **{name: text_list(item.get(name)) for name in self.lists},
            "primary_email": self._primary_email(item),
            "success": succeeded,
        }

    def _primary_email(self, item: Mapping[str, Any]) -> str | None:
        listed = (text for name in self.email_lists for text in text_list(item.get(name)))
        found = map(scraped_email, (item.get("primary_email"), *listed))
        return next((email for email in found if email is not None), None)


ENRICHMENT_TYPES = {
    type_.name: type_
    for type_ in (
        EnrichmentType(
            name="facebook",
            table=facebook_enrichments,
            checks={
                **_COMMON_CHECKS,
                "facebook_url": checks.text,
                "page_name": checks.text,
                "page_likes": checks.count,
                "page_followers": checks.count,
                "emails": checks.texts,
                "email_sources": checks.texts,
                "addresses": checks.texts,
                "enrichment_status": checks.one_of(*ENRICHMENT_STATUSES),
            },
            texts=("facebook_url", "page_name"),
            counts=("page_likes", "page_followers"),
            lists=("emails", "email_sources", "phone_numbers", "addresses"),
            email_lists=("emails",),
            url="facebook_url",
            times=("scraped_at",),
        ),
        EnrichmentType(
            name="linkedin",
            table=linkedin_enrichments,
            checks={
                **_COMMON_CHECKS,
                "linkedin_url": checks.text,
                "profile_type": checks.one_of(*LINKEDIN_PROFILE_TYPES),
                "person_name": checks.text,
                "person_title": checks.text,
                "person_profile_url": checks.text,
                "company_name": checks.text,
                "location": checks.text,
                "connections": checks.count,
                "emails_found": checks.texts,
                "emails_generated": checks.texts,
                "email_source": checks.one_of(*LINKEDIN_EMAIL_SOURCES),
                "email_quality_tier": checks.text,
            },
            texts=(
                "linkedin_url",
                "person_name",
                "person_title",
                "person_profile_url",
                "company_name",
                "location",
                "email_quality_tier",
            ),
            words=("profile_type", "email_source"),
            counts=("connections",),
            lists=("emails_found", "emails_generated", "phone_numbers"),
            email_lists=("emails_found", "emails_generated"),
            url="linkedin_url",
            times=("enriched_at", "updated_at"),
        ),
    )
}
