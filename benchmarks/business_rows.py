"""What a client does that writes scraped businesses itself: records to rows, rows to the table.

The rows are those that `insert_businesses_batch` writes from the same records.
"""

from __future__ import annotations

import io
import json
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.copy import Copy, FileWriter
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql

from campaigndb.tables import business_emails, businesses

Row = tuple[Any, ...]

# What the function writes; all else are defaults of the table.
COLUMNS = (
    "campaign_id",
    "zip_code",
    "place_id",
    "name",
    "address",
    "city",
    "state",
    "postal_code",
    "country",
    "latitude",
    "longitude",
    "phone",
    "website",
    "email",
    "email_source",
    "category",
    "categories",
    "description",
    "rating",
    "reviews_count",
    "price_level",
    "hours",
    "facebook_url",
    "linkedin_url",
    "instagram_url",
    "twitter_url",
    "needs_enrichment",
    "enrichment_status",
    "raw_data",
)
# Those that a place keeps when it is found again.
_KEY = ("campaign_id", "place_id")
_JSON_COLUMNS = ("hours", "raw_data")

_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")
# Parameters of one statement, in the wire protocol.
_MAX_PARAMETERS = 65_535


def row_of(record: Mapping[str, Any], campaign_id: uuid.UUID, zip_code: str | None) -> Row:
    """A scraper's record as a row in the order of `COLUMNS`, its JSON as text."""
    location = record.get("location") or {}
    email = _first(record.get("emails"))
    if email is not None and not _EMAIL.fullmatch(email):
        email = None
    hours = record.get("openingHours")
    facebook_url = _page(record, "facebooks", "facebook|fb")
    return (
        campaign_id,
        zip_code,
        _text(record.get("placeId")),
        _text(record.get("title")),
        _text(record.get("address")),
        _text(record.get("city")),
        _text(record.get("state")),
        _text(record.get("postalCode")),
        _text(record.get("countryCode")),
        location.get("lat"),
        location.get("lng"),
        _text(record.get("phone")),
        _text(record.get("website")),
        email,
        "google_maps" if email is not None else "not_found",
        _text(record.get("categoryName")),
        [text for each in record.get("categories") or () if (text := _text(each)) is not None],
        _text(record.get("description")),
        record.get("totalScore"),
        record.get("reviewsCount"),
        _text(record.get("price")),
        None if hours is None else json.dumps(hours, ensure_ascii=False),
        facebook_url,
        _page(record, "linkedIns", "linkedin"),
        _page(record, "instagrams", "instagram"),
        _page(record, "twitters", "twitter|x"),
        facebook_url is not None,
        "no_facebook" if facebook_url is None else "pending",
        json.dumps(record, ensure_ascii=False),
    )


def canonical_record(
    record: Mapping[str, Any], campaign_id: uuid.UUID, zip_code: str
) -> dict[str, Any]:
    """A scraper's record with the table's names, as the application code reads it."""
    row = dict(zip(COLUMNS, row_of(record, campaign_id, zip_code), strict=True))
    return row | {"hours": record.get("openingHours"), "raw_data": record}


def _text(value: str | None) -> str | None:
    return None if value is None else value.strip(" \t\r\n") or None


def _first(values: Sequence[str] | None) -> str | None:
    return _text(values[0]) if values else None


def _page(record: Mapping[str, Any], key: str, hosts: str) -> str | None:
    """A page that the record names, or that is the place's website."""
    page, website = _first(record.get(key)), _text(record.get("website"))
    if page is None and website is not None:
        is_page = re.match(rf"(?i)(https?:)?/*([a-z0-9-]+\.)*({hosts})\.com/[^/?#]", website)
        return website if is_page else None
    return page


def copy_text(rows: Iterable[Row], connection: psycopg.Connection[Any]) -> bytes:
    """The rows in COPY's text format.

    Text rather than binary: the server parses it as fast, and the driver makes it faster.
    """
    buffer = io.BytesIO()
    with (
        connection.cursor() as cursor,
        Copy(cursor, writer=FileWriter(buffer)) as copy,
    ):
        for row in rows:
            copy.write_row(row)
    return buffer.getvalue()


def copy_statement(table: str = businesses.name, columns: Sequence[str] = COLUMNS) -> sql.Composed:
    return sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )


@dataclass(frozen=True)
class CopyRows:
    """Businesses and their addresses in COPY's text format, under ids that are made already."""

    businesses: bytes
    addresses: bytes


_WITH_ADDRESSES = {
    businesses.name: ("id", "cid", "business_status", *COLUMNS),
    business_emails.name: ("business_id", "campaign_id", "email", "source"),
}


def stored_rows(
    connection: psycopg.Connection[Any], records: Sequence[Mapping[str, Any]]
) -> CopyRows:
    """What a database holds of the records that it was given, as COPY takes it.

    The records are as their source wrote them: jsonb, which sorts their keys, has that to do for
    the function too.
    """
    found = []
    for table, columns in _WITH_ADDRESSES.items():
        statement = sql.SQL("copy (select {} from {} order by {}) to stdout").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.Identifier(table),
            sql.Identifier(columns[0]),
        )
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            found.append(b"".join(bytes(part) for part in copy))
    connection.commit()
    # A batch's ids are in the order of its records; `raw_data` is the last column.
    rows = [
        row.rsplit(b"\t", 1)[0] + b"\t" + _as_sent(record)
        for row, record in zip(found[0].splitlines(), records, strict=True)
    ]
    return CopyRows(b"\n".join(rows) + b"\n", found[1])


def _as_sent(record: Mapping[str, Any]) -> bytes:
    """A record in a field of COPY's text format."""
    return json.dumps(record, ensure_ascii=False).replace("\\", "\\\\").encode()


def copy_with_addresses(connection: psycopg.Connection[Any], rows: CopyRows) -> None:
    """Commits rows of both tables: the server's work alone."""
    data = (rows.businesses, rows.addresses)
    with connection.cursor() as cursor:
        for (table, columns), text in zip(_WITH_ADDRESSES.items(), data, strict=True):
            with cursor.copy(copy_statement(table, columns)) as copy:
                copy.write(text)
    connection.commit()


def copy_prepared(connection: psycopg.Connection[Any], data: bytes) -> None:
    """Commits rows that are in COPY's format already: the server's work alone."""
    with connection.cursor() as cursor, cursor.copy(copy_statement()) as copy:
        copy.write(data)
    connection.commit()


def copy_records(
    connection: psycopg.Connection[Any],
    records: Iterable[Mapping[str, Any]],
    campaign_id: uuid.UUID,
    zip_code: str,
) -> None:
    """Commits the records' rows through COPY."""
    with connection.cursor() as cursor, cursor.copy(copy_statement()) as copy:
        for record in records:
            copy.write_row(row_of(record, campaign_id, zip_code))
    connection.commit()


_STAGING = "staged_businesses"


def copy_and_merge(connection: psycopg.Connection[Any], data: bytes) -> None:
    """Commits rows in COPY's format, some of them known: through a temporary table.

    An unchanged row is left alone, as the function leaves it.
    """
    staging, table = sql.Identifier(_STAGING), sql.Identifier(businesses.name)
    columns = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
    changes = sql.SQL(", ").join(
        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name))
        for name in COLUMNS
        if name not in _KEY
    )
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "create temporary table if not exists {} on commit delete rows "
                "as select {} from {} with no data"
            ).format(staging, columns, table)
        )
        with cursor.copy(copy_statement(_STAGING)) as copy:
            copy.write(data)
        cursor.execute(
            sql.SQL(
                "insert into {table} as business ({columns}) select {columns} from {staging} "
                "order by place_id on conflict (place_id) do update "
                "set {changes}, scraped_at = now(), updated_at = now() "
                "where business.raw_data is distinct from excluded.raw_data"
            ).format(table=table, columns=columns, staging=staging, changes=changes)
        )
    connection.commit()


def upsert_records(
    connection: Connection,
    records: Sequence[Mapping[str, Any]],
    campaign_id: uuid.UUID,
    zip_code: str,
) -> None:
    """The records' rows through SQLAlchemy Core, as many in a statement as it can take."""
    rows_at_once = _MAX_PARAMETERS // len(COLUMNS)
    for start in range(0, len(records), rows_at_once):
        rows = [
            _core_row(record, campaign_id, zip_code)
            for record in records[start : start + rows_at_once]
        ]
        connection.execute(_upsert(postgresql.insert(businesses).values(rows)))


def upsert_many(
    connection: Connection,
    records: Iterable[Mapping[str, Any]],
    campaign_id: uuid.UUID,
    zip_code: str,
) -> None:
    """The records' rows through SQLAlchemy Core as one list: the driver sends them in a pipeline.

    Compiled once, where many rows in one statement are compiled each time.
    """
    rows = [_core_row(record, campaign_id, zip_code) for record in records]
    connection.execute(_upsert(postgresql.insert(businesses)), rows)


def upsert_row_by_row(
    connection: Connection,
    records: Iterable[Mapping[str, Any]],
    campaign_id: uuid.UUID,
    zip_code: str,
) -> None:
    """The records' rows through SQLAlchemy Core, one in a statement."""
    statement = _upsert(postgresql.insert(businesses))
    for record in records:
        connection.execute(statement, _core_row(record, campaign_id, zip_code))


def _upsert(insert: postgresql.Insert) -> postgresql.Insert:
    return insert.on_conflict_do_update(
        index_elements=["place_id"],
        set_={name: insert.excluded[name] for name in COLUMNS if name not in _KEY},
    )


def _core_row(record: Mapping[str, Any], campaign_id: uuid.UUID, zip_code: str) -> dict[str, Any]:
    """Core's JSONB columns take objects, and make the text themselves."""
    row = dict(zip(COLUMNS, row_of(record, campaign_id, zip_code), strict=True))
    return row | {"hours": record.get("openingHours"), "raw_data": record}
