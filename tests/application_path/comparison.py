"""What a way of calling left in the tables, in words that are the same for every way."""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, select

from app.tables import (
    api_costs,
    businesses,
    campaign_coverage,
    campaigns,
    email_verifications,
    facebook_enrichments,
    linkedin_enrichments,
)

_OF_CAMPAIGNS = (
    campaign_coverage,
    businesses,
    facebook_enrichments,
    linkedin_enrichments,
    api_costs,
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def comparable(value: Any, names: Mapping[str, str]) -> Any:
    """The value with `names` for what differs from run to run; other ids are all the same."""
    if isinstance(value, Mapping):
        return {comparable(key, names): comparable(item, names) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [comparable(item, names) for item in value]
    if isinstance(value, datetime.datetime):
        return "a time"
    if isinstance(value, uuid.UUID):
        return names.get(str(value), "an id")
    if isinstance(value, str):
        for meaning, name in names.items():
            value = value.replace(meaning, name)
        return _UUID.sub("an id", value)
    return value


def stored(
    connection: Connection, names: Mapping[str, str], campaign_ids: Iterable[str] | None = None
) -> dict[str, list[Any]]:
    """Every row, or those of some campaigns, in the order of what is comparable in it."""
    ids = list(connection.execute(select(campaigns.c.id)).scalars())
    if campaign_ids is not None:
        ids = [uuid.UUID(campaign_id) for campaign_id in campaign_ids]
    places = connection.execute(
        select(businesses.c.id, businesses.c.place_id).where(businesses.c.campaign_id.in_(ids))
    ).all()
    place_ids = {str(place.id): comparable(place.place_id, names) for place in places}
    names = {**{id_: f"business of {place}" for id_, place in place_ids.items()}, **names}
    own = select(businesses.c.id).where(businesses.c.campaign_id.in_(ids))
    conditions = {
        campaigns: campaigns.c.id.in_(ids),
        email_verifications: email_verifications.c.business_id.in_(own),
        **{table: table.c.campaign_id.in_(ids) for table in _OF_CAMPAIGNS},
    }
    return {
        table.name: sorted(
            (
                _row(row, names)
                for row in connection.execute(select(table).where(condition)).mappings()
            ),
            key=repr,
        )
        for table, condition in conditions.items()
    }


def _row(row: Mapping[str, Any], names: Mapping[str, str]) -> Any:
    # Whether a row was written again shows in its times, which themselves differ.
    written_again = [
        name
        for name, value in row.items()
        if isinstance(value, datetime.datetime) and value != row["created_at"]
    ]
    return comparable(row, names), written_again
