"""A page of an enrichment queue, by its offset."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping

from app.application_path.checks import refuse
from app.application_path.enrichment_queue import DEFAULT_LIMIT, check_queue, queue, rows_of


def get_businesses_for_enrichment(
    connection: Connection,
    campaign_id: uuid.UUID | None,
    enrichment_type: str | None,
    limit: int | None,
    offset: int | None,
) -> Sequence[RowMapping]:
    limit = DEFAULT_LIMIT if limit is None else limit
    offset = offset or 0
    check_queue(enrichment_type, limit)
    if offset < 0:
        refuse("p_offset is negative")
    return rows_of(
        connection, campaign_id, queue(campaign_id, enrichment_type, limit).offset(offset)
    )
