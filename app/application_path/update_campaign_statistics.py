"""A campaign's counters, counted anew."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import UUID, Connection, and_, func, literal, select, update

from app.application_path.checks import refuse_missing_campaign
from app.tables import businesses, campaigns


def update_campaign_statistics(
    connection: Connection, campaign_id: uuid.UUID | None
) -> dict[str, Any]:
    # One writer of a campaign's totals at a time. The count below runs in a later snapshot, so it
    # sees all that committed before the lock was granted and never replaces newer figures by older.
    lock = select(campaigns.c.id).where(campaigns.c.id == campaign_id)
    if connection.execute(lock.with_for_update(key_share=True)).first() is None:
        refuse_missing_campaign(campaign_id)

    business = businesses.c
    counted = (
        select(
            literal(campaign_id, UUID).label("campaign_id"),
            func.count().label("businesses"),
            func.count().filter(business.has_email).label("emails"),
            func.count().filter(business.has_facebook_page).label("facebook_pages"),
            func.count().filter(business.has_linkedin_profile).label("linkedin_profiles"),
            func.count()
            .filter(and_(business.has_email, business.email_verified))
            .label("verified_emails"),
        )
        .where(business.campaign_id == campaign_id)
        .subquery("counted")
    )
    written = connection.execute(
        update(campaigns)
        .where(campaigns.c.id == counted.c.campaign_id)
        .values(
            total_businesses_found=counted.c.businesses,
            total_emails_found=counted.c.emails,
            total_facebook_pages_found=counted.c.facebook_pages,
            total_linkedin_profiles_found=counted.c.linkedin_profiles,
            total_verified_emails=counted.c.verified_emails,
            updated_at=func.now(),
        )
        .returning(counted)
    ).one()
    return {
        "success": True,
        "total_businesses": written.businesses,
        "total_emails": written.emails,
        "total_facebook_pages": written.facebook_pages,
        "total_linkedin_profiles": written.linkedin_profiles,
        "total_verified_emails": written.verified_emails,
    }
