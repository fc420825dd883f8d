"""The two queues of businesses to enrich, as both functions that read them see them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, and_, not_, select

from app.application_path.checks import refuse, refuse_missing_campaign
from app.tables import businesses, campaigns

DEFAULT_LIMIT = 100

_business = businesses.c
# As the partial indexes have them, which then serve them in order.
_QUEUES = {
    "facebook": and_(_business.needs_enrichment, _business.enrichment_status == "pending"),
    "linkedin": not_(_business.linkedin_enriched),
}
_COLUMNS = (
    _business.id.label("business_id"),
    _business.campaign_id,
    _business.place_id,
    _business.name,
    _business.address,
    _business.city,
    _business.state,
    _business.postal_code,
    _business.phone,
    _business.website,
    _business.email,
    _business.facebook_url,
    _business.linkedin_url,
    _business.enrichment_status,
    _business.enrichment_attempts,
    _business.needs_enrichment,
)


def check_queue(enrichment_type: str | None, limit: int) -> None:
    if enrichment_type not in _QUEUES:
        refuse(f"p_enrichment_type is not one of {', '.join(_QUEUES)}")
    if limit < 1:
        refuse("p_limit is less than 1")


def queue(campaign_id: uuid.UUID | None, enrichment_type: str | None, limit: int) -> Select[Any]:
    """The start of a queue that passed its check."""
    assert enrichment_type is not None
    return (
        select(*_COLUMNS)
        .where(_business.campaign_id == campaign_id, _QUEUES[enrichment_type])
        .order_by(_business.created_at, _business.id)
        .limit(limit)
    )


def rows_of(
    connection: Connection, campaign_id: uuid.UUID | None, query: Select[Any]
) -> Sequence[RowMapping]:
    """The query's rows; a queue that is empty for want of a campaign is refused."""
    rows = connection.execute(query).mappings().all()
    if not rows:
        campaign = select(campaigns.c.id).where(campaigns.c.id == campaign_id)
        if connection.execute(campaign).first() is None:
            refuse_missing_campaign(campaign_id)
    return rows
