"""What a way of calling left in the tables, in words that are the same for every way."""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Engine, Table, select

from app.tables import (
    api_costs,
    businesses,
    campaign_coverage,
    campaigns,
    email_verifications,
    facebook_enrichments,
    linkedin_enrichments,
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
    engine: Engine, campaign_ids: Iterable[str], names: Mapping[str, str]
) -> dict[str, list[Any]]:
    """Every row of these campaigns, in the order of what is comparable in it."""
    ids = list(campaign_ids)
    with engine.connect() as connection:
        places = connection.execute(
            select(businesses.c.id, businesses.c.place_id).where(businesses.c.campaign_id.in_(ids))
        ).all()
        names = {**{str(row.id): f"business of {row.place_id}" for row in places}, **names}
        names = {key: comparable(name, names) for key, name in names.items()}
        return {
            table.name: sorted(
                (
                    _row(row, names)
                    for row in connection.execute(select(table).where(condition)).mappings()
                ),
                key=repr,
            )
            for table, condition in _rows_of(ids)
        }


def _rows_of(campaign_ids: list[str]) -> list[tuple[Table, Any]]:
    of_campaign = [
        (table, table.c.campaign_id.in_(campaign_ids))
        for table in (
            campaign_coverage,
            businesses,
            facebook_enrichments,
            linkedin_enrichments,
            api_costs,
        )
    ]
    own = select(businesses.c.id).where(businesses.c.campaign_id.in_(campaign_ids))
    return [
        (campaigns, campaigns.c.id.in_(campaign_ids)),
        *of_campaign,
        (email_verifications, email_verifications.c.business_id.in_(own)),
    ]


def _row(row: Mapping[str, Any], names: Mapping[str, str]) -> Any:
    # Whether a row was written again shows in its times, which themselves differ.
    written_again = [
        name
        for name, value in row.items()
        if isinstance(value, datetime.datetime) and value != row["created_at"]
    ]
    return comparable(row, names), written_again
