"""Shows what an import would read from a file, without writing anything.

The database reads the records with the helpers of the import's function, in a read-only
transaction. Field names of sources are therefore not known here, except for a few that tell the
sources apart.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from campaigndb.calling.json_codec import JsonText, dump_json
from campaigndb.database import quote_identifier
from campaigndb.operations.importer.import_run import Batch, ReadingOptions, batches
from campaigndb.operations.importer.progress_file import REJECTIONS_KEPT, Rejection
from campaigndb.operations.importer.scraped_file import ScrapedFile

# Number of values of a key that are tried before it is reported as not read.
VALUES_TRIED = 3

# Keys that only one source uses. The first source with a key in the record is its source.
_SOURCES = (
    ("Google Places API (New)", ("displayName", "displayName/text", "userRatingCount")),
    ("Local Business Data", ("business_id", "emails_and_contacts")),
    ("Outscraper", ("google_id", "full_address", "us_state", "subtypes")),
    ("omkarcloud/google-maps-scraper", ("workday_timing", "is_spending_on_ads", "main_category")),
    ("gosom/google-maps-scraper", ("input_id", "web_site", "review_rating", "complete_address")),
    ("Serper", ("ratingCount", "phoneNumber")),
    ("Google Places API (legacy)", ("formatted_address", "vicinity", "user_ratings_total")),
    ("Apify crawler-google-places", ("searchString", "categoryName", "totalScore", "placeId")),
)

_READ = """
with given as materialized (
  select
    place.index,
    place.record,
    {schema}.scraped_business_problem(place.record, place.place_id, place.name) as problem,
    to_jsonb(place) - array['index', 'record', 'is_identified', 'email_source', 'emails']
      || jsonb_build_object('email', place.emails) as columns
  from {schema}.read_places(cast(:records as jsonb)) as place
)
select 'problem' as kind, given.problem as name, given.index as count, null::jsonb as sample
from given
where given.problem is not null
union all
select 'column', field.key, count(*), null
from given
cross join jsonb_each(given.columns) as field
where given.problem is null and field.value not in ('null', '[]', '{{}}')
group by field.key
union all
select
  'key', field.key, count(*),
  to_jsonb((array_agg(given.index order by given.index))[1\\:{tried}])
from given
cross join jsonb_each(given.record) as field
where given.problem is null and field.value not in ('null', '""', '[]', '{{}}')
group by field.key
"""

# A key is read if it has an effect alone, or if the record has another result without it.
_IS_READ = """
with tried as materialized (
  select
    item.ordinal,
    item.pair ->> 'key' as key,
    item.pair -> 'record' as record
  from jsonb_array_elements(cast(:pairs as jsonb)) with ordinality as item(pair, ordinal)
),
ways as materialized (
  select
    jsonb_agg(tried.record order by tried.ordinal)
      || jsonb_agg(tried.record - tried.key order by tried.ordinal)
      || jsonb_agg(jsonb_build_object(tried.key, tried.record -> tried.key) order by tried.ordinal)
      || '[{{}}]' as records,
    count(*) as n
  from tried
),
answers as materialized (
  select place.index, to_jsonb(place) - array['index', 'record'] as columns
  from ways
  cross join {schema}.read_places(ways.records) as place
)
select distinct tried.key
from tried
cross join ways
join answers as whole on whole.index = tried.ordinal - 1
join answers as without on without.index = ways.n + tried.ordinal - 1
join answers as alone on alone.index = 2 * ways.n + tried.ordinal - 1
join answers as nothing on nothing.index = 3 * ways.n
where whole.columns <> without.columns or alone.columns <> nothing.columns
"""


@dataclass(kw_only=True)
class Inspection:
    """What is read from a file: its records by source, and how many of them fill each column."""

    name: str
    description: str
    unit: str
    records: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    columns: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    rejections: list[Rejection] = field(default_factory=list)


class Inspector:
    """Inspects files over a connection whose role owns the functions."""

    def __init__(self, connection: Connection, schema: str) -> None:
        self._connection = connection
        names = {"schema": quote_identifier(schema), "tried": VALUES_TRIED}
        self._read = text(_READ.format(**names))
        self._is_read = text(_IS_READ.format(**names))

    def judge(self, values: list[dict[str, Any]]) -> list[bool]:
        """Tells which values are records of places."""
        rows = self._ask(JsonText(json.dumps(values)))
        rejected = {row.count for row in rows if row.kind == "problem"}
        return [index not in rejected for index in range(len(values))]

    def inspect(self, path: Path, reading: ReadingOptions) -> Inspection:
        """Reads the file to its end, as an import would.

        Raises:
            ImportFileError: the file cannot be read.
        """
        with closing(reading.open(path, self.judge)) as file:
            found = Inspection(name=file.name, description=file.description, unit=file.unit)
            is_read: dict[str, bool] = {}
            for batch in batches(file, file.records()):
                self._add(found, batch, file, is_read)
            return found

    def _ask(self, records: JsonText) -> list[Any]:
        given = {"records": dump_json(records, "records")}
        return list(self._connection.execute(self._read, given))

    def _add(
        self, found: Inspection, batch: Batch, file: ScrapedFile, is_read: dict[str, bool]
    ) -> None:
        problems = [(record, record.problem) for record in batch.records if record.problem]
        values = [json.loads(record.text) for record in batch.sent]
        rows = self._ask(batch.text)
        for row in rows:
            if row.kind == "problem":
                problems.append((batch.sent[row.count], row.name))
            elif row.kind == "column":
                found.columns[row.name] += row.count
        rejected = {id(record) for record, _ in problems}
        for record, value in zip(batch.sent, values, strict=True):
            if id(record) not in rejected:
                found.sources[source_of(value)] += 1
        keys = [row for row in rows if row.kind == "key"]
        self._try(
            [
                {"key": row.name, "record": values[index]}
                for row in keys
                if not is_read.get(row.name)
                for index in row.sample
            ],
            is_read,
        )
        for row in keys:
            if not is_read[row.name]:
                found.unread[row.name] += row.count
            else:  # an earlier value had no effect
                found.unread.pop(row.name, None)
        problems.sort(key=lambda item: item[0].end.records)
        found.records += len(batch.records)
        found.rejected += len(problems)
        for record, reason in problems[: REJECTIONS_KEPT - len(found.rejections)]:
            found.rejections.append(
                Rejection(file=file.name, unit=file.unit, number=record.end.number, reason=reason)
            )

    def _try(self, pairs: list[dict[str, Any]], is_read: dict[str, bool]) -> None:
        for pair in pairs:
            is_read.setdefault(pair["key"], False)
        # In parts, because a table may have hundreds of columns.
        for start in range(0, len(pairs), 500):
            given = {"pairs": dump_json(pairs[start : start + 500], "pairs")}
            for (key,) in self._connection.execute(self._is_read, given):
                is_read[key] = True


def source_of(record: dict[str, Any]) -> str:
    """The source of a record, by keys that only this source uses."""
    if any(" " in key or key[:1].isupper() for key in record):
        return "a table with titled columns"
    if "gps_coordinates" in record or any(key.startswith("gps_coordinates") for key in record):
        links = " ".join(value for value in record.values() if isinstance(value, str))
        return "ScrapingDog" if "scrapingdog" in links else "SerpApi"
    for source, keys in _SOURCES:
        if any(key in record for key in keys):
            return source
    return "the table's own names" if "place_id" in record else "an unknown source"
