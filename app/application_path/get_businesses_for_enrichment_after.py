"""A page of an enrichment queue, behind the last business of the page before."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, tuple_

from app.application_path.enrichment_queue import DEFAULT_LIMIT, check_queue, queue, rows_of
from app.tables import businesses


def get_businesses_for_enrichment_after(
    connection: Connection,
    campaign_id: uuid.UUID | None,
    enrichment_type: str | None,
    after_created_at: datetime.datetime | None,
    after_id: uuid.UUID | None,
    limit: int | None,
) -> Sequence[RowMapping]:
    limit = DEFAULT_LIMIT if limit is None else limit
    check_queue(enrichment_type, limit)
    query = queue(campaign_id, enrichment_type, limit).add_columns(businesses.c.created_at)
    if after_created_at is not None:
        # Behind that row, wherever it is now: rows that left the queue in between shift nothing.
        position = tuple_(businesses.c.created_at, businesses.c.id)
        query = query.where(position > tuple_(after_created_at, after_id or uuid.UUID(int=0)))
    return rows_of(connection, campaign_id, query)
