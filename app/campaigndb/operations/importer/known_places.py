"""Asks the database about records without storing them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text

from campaigndb import CampaignStore
from campaigndb.calling.errors import InvalidInputError
from campaigndb.calling.json_codec import JsonText, dump_json
from campaigndb.calling.results import BatchInserted
from campaigndb.database import quote_identifier
from campaigndb.operations.importer.progress_file import OtherCampaign
from campaigndb.operations.importer.record_text import storable
from campaigndb.operations.owner_reading import TableAccessError, reading_tables

# The campaigns that own places of the records. The schema's name is quoted.
_OWNERS = """
select
  campaign.id, campaign.name, count(distinct business.id) as places, count(*) as records
from {schema}.read_places(cast(:records as jsonb)) as given
join {schema}.gmaps_businesses as business on business.place_id = given.place_id
join {schema}.gmaps_campaigns as campaign on campaign.id = business.campaign_id
group by campaign.id
order by places desc
"""


class KnownPlaces:
    """Questions about few or unusual records. Each question reads the records again."""

    def __init__(self, store: CampaignStore) -> None:
        self._store = store

    def judge(self, values: list[dict[str, Any]]) -> list[bool]:
        """Tells which values are records of places: the function stores them and is rolled back.

        This also works for a role that may only call the functions.
        """
        try:
            result = self._tried(values)
        except InvalidInputError:
            # The database refuses a value as a whole. Bisection finds it.
            middle = len(values) // 2
            halves = (values[:middle], values[middle:]) if middle else ()
            return [verdict for half in halves for verdict in self.judge(half)] or [False]
        rejected = {item.index for item in result.rejected}
        return [index not in rejected for index in range(len(values))]

    def _tried(self, values: list[dict[str, Any]]) -> BatchInserted:
        records = JsonText(storable(json.dumps(values, ensure_ascii=False)))
        with self._store.engine.connect() as connection:
            store = self._store.bind(connection)
            campaign = store.create_campaign_with_coverage({"name": "a look at a file"})
            result = store.insert_businesses_batch(campaign.campaign_id, None, records)
            connection.rollback()
        return result

    def owners(self, records: JsonText) -> dict[uuid.UUID, OtherCampaign]:
        """The campaigns that own places of the records; none if the role may not read them."""
        statement = text(_OWNERS.format(schema=quote_identifier(self._store.schema)))
        try:
            with reading_tables(self._store.engine, self._store.schema) as connection:
                rows: Sequence[Row[Any]] = connection.execute(
                    statement, {"records": dump_json(records, "records")}
                ).all()
        except TableAccessError:
            return {}
        return {
            row.id: OtherCampaign(name=row.name, places=row.places, records=row.records)
            for row in rows
        }
