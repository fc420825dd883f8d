"""Campaigns, their coverage and their counters."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, and_, func, select, update
from sqlalchemy.dialects.postgresql import insert

from campaigndb.calling.results import CampaignCreated, CampaignStatistics, CoverageUpdated
from campaigndb.tables import businesses, campaign_coverage, campaigns
from examples.application_logic.errors import refuse, refuse_missing, refuse_missing_campaign

_GIVEN = (
    "name",
    "description",
    "keywords",
    "location",
    "coverage_profile",
    "custom_zip_codes",
    "status",
    "coverage_percentage",
    "estimated_cost",
    "organization_id",
    "created_by",
)


def create(
    connection: Connection, data: Mapping[str, Any], zip_codes: Iterable[Any]
) -> CampaignCreated:
    """A campaign and its coverage; one whose id exists stays as it is."""
    if not (data.get("name") or "").strip():
        refuse("p_campaign_data.name is missing or blank")
    campaign_id = uuid.UUID(str(data.get("id") or uuid.uuid4()))
    given = [_coverage_item(item) for item in zip_codes]
    coverage = {item["zip_code"]: item for item in reversed(given)}
    row = {name: data[name] for name in _GIVEN if data.get(name) is not None}
    is_new = connection.execute(
        insert(campaigns)
        .values(id=campaign_id, target_zip_count=len(coverage), **row)
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(campaigns.c.id)
    ).scalar()
    if is_new is None:
        stored = select(func.count()).where(campaign_coverage.c.campaign_id == campaign_id)
        return CampaignCreated(
            campaign_id=campaign_id,
            zip_count=connection.execute(stored).scalar_one(),
            duplicate_zip_count=len(given) - len(coverage),
            replayed=True,
        )
    if coverage:
        defaults = {"keywords": data.get("keywords") or [], "max_results": 200}
        connection.execute(
            insert(campaign_coverage),
            [
                {"estimated_cost": None, **defaults, **item, "campaign_id": campaign_id}
                for item in coverage.values()
            ],
        )
    return CampaignCreated(
        campaign_id=campaign_id,
        zip_count=len(coverage),
        duplicate_zip_count=len(given) - len(coverage),
        replayed=False,
    )


def _coverage_item(item: Any) -> dict[str, Any]:
    if isinstance(item, str):
        return {"zip_code": item}
    known = {
        name: item[name] for name in ("keywords", "max_results", "estimated_cost") if item.get(name)
    }
    return {"zip_code": item.get("zip_code") or item.get("zip"), **known}


def count(connection: Connection, campaign_id: uuid.UUID | None) -> CampaignStatistics:
    """Counts the campaign's businesses and stores the counts in the campaign."""
    # One writer of a campaign's counters at a time. The count runs in a later snapshot, so it sees
    # all that was committed before the lock was granted.
    lock = select(campaigns.c.id).where(campaigns.c.id == campaign_id)
    if connection.execute(lock.with_for_update(key_share=True)).first() is None:
        refuse_missing_campaign(campaign_id)
    business = businesses.c
    counted = connection.execute(
        select(
            func.count().label("total_businesses_found"),
            func.count().filter(business.has_email).label("total_emails_found"),
            func.count().filter(business.has_facebook_page).label("total_facebook_pages_found"),
            func.count()
            .filter(business.has_linkedin_profile)
            .label("total_linkedin_profiles_found"),
            func.count()
            .filter(and_(business.has_email, business.email_verified))
            .label("total_verified_emails"),
        ).where(business.campaign_id == campaign_id)
    ).one()
    connection.execute(
        update(campaigns)
        .where(campaigns.c.id == campaign_id)
        .values(**counted._mapping, updated_at=func.now())
    )
    return CampaignStatistics(
        total_businesses=counted.total_businesses_found,
        total_emails=counted.total_emails_found,
        total_facebook_pages=counted.total_facebook_pages_found,
        total_linkedin_profiles=counted.total_linkedin_profiles_found,
        total_verified_emails=counted.total_verified_emails,
    )


def mark_scraped(
    connection: Connection,
    campaign_id: uuid.UUID | None,
    zip_code: str,
    businesses_found: int,
    emails_found: int,
    actual_cost: Decimal | int | str,
) -> CoverageUpdated:
    """Marks a ZIP code as scraped, with what was found and its cost."""
    for name, found in (("businesses_found", businesses_found), ("emails_found", emails_found)):
        if found < 0:
            refuse(f"p_{name} is missing or negative")
    marked = connection.execute(
        update(campaign_coverage)
        .where(
            campaign_coverage.c.campaign_id == campaign_id,
            campaign_coverage.c.zip_code == zip_code,
        )
        .values(
            scraped=True,
            scraped_at=func.now(),
            businesses_found=businesses_found,
            emails_found=emails_found,
            actual_cost=Decimal(actual_cost),
            updated_at=func.now(),
        )
        .returning(campaign_coverage.c.campaign_id)
    ).scalar()
    if marked is None:
        refuse_missing(f"campaign {campaign_id} has no coverage of ZIP code {zip_code}")
    return CoverageUpdated(
        campaign_id=marked,
        zip_code=zip_code,
        businesses_found=businesses_found,
        emails_found=emails_found,
    )
