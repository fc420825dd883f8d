"""One export: writes a campaign's leads to a file, and logs the export."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
from sqlalchemy import text

from campaigndb.calling.store import CampaignStore
from campaigndb.operations.exporter.copying import Format, copy_statement
from campaigndb.operations.exporter.errors import ExportError
from campaigndb.operations.exporter.parquet import write_parquet
from campaigndb.operations.exporter.presets import EVERYTHING, Layout
from campaigndb.operations.exporter.target import opened

# A transaction that was open when the last export started may have written leads with an earlier
# time. The next export therefore starts this much earlier.
OVERLAP = datetime.timedelta(minutes=10)
# Size of a write in bytes.
_BUFFER = 256 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Progress = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Exported:
    """The result of an export. `filter` has the time that `last` meant as `since`."""

    export_id: uuid.UUID
    leads: int
    exported_at: datetime.datetime
    filter: Mapping[str, Any]


def export_leads(
    store: CampaignStore,
    campaign_id: uuid.UUID,
    path: Path | None,
    *,
    file_format: Format = "csv",
    preset: str | None = None,
    layout: Layout = EVERYTHING,
    lead_filter: Mapping[str, Any] | None = None,
    since: datetime.datetime | str | None = None,
    force: bool = False,
    exported_by: str | None = None,
    on_progress: Progress = lambda _: None,
) -> Exported:
    """Writes a campaign's leads to a file, then logs the export in the campaign.

    Args:
        store: on an engine whose role may execute the functions.
        campaign_id: the campaign.
        path: the file, which appears when it is complete; None for standard output.
        file_format: the format of the file.
        preset: the preset's name, for the log.
        layout: the columns.
        lead_filter: as for `get_campaign_leads`, but with one lead per address by default.
        since: only changes since this time; `last`: since the last export with this filter.
        force: replace an existing file.
        exported_by: who exported, for the log; default: the role.
        on_progress: receives the number of leads written.

    Raises:
        ExportError: the file cannot be written, or exists already.
        StoredFunctionError: the filter is invalid, or the campaign does not exist.
    """
    wanted = {"duplicates": "drop", **(lead_filter or {})}
    if since == "last":
        since = _last_export(store, campaign_id, wanted)
    if isinstance(since, datetime.datetime):
        wanted["since"] = since.isoformat()
    # The function checks the filter and the campaign before a file is created.
    store.get_campaign_leads(campaign_id, {**wanted, "duplicates": "keep"}, 1)
    with (
        _reading(store) as (cursor, exported_at),
        opened(path, force=force) as file,
    ):
        statement = copy_statement(store.schema, campaign_id, wanted, layout, file_format)
        with cursor.copy(statement) as copy:
            lines = _counted(copy, on_progress)
            if file_format == "parquet":
                write_parquet(lines, layout, file)
            else:
                if file_format == "csv" and layout.byte_order_mark:
                    file.write(_BYTE_ORDER_MARK)
                _write(lines, file, b"\r\n" if file_format == "csv" else b"\n")
        # The server's count, without the headings.
        leads = cursor.rowcount
    exported = Exported(export_id=uuid.uuid4(), leads=leads, exported_at=exported_at, filter=wanted)
    store.log_export(
        campaign_id,
        exported.export_id,
        exported_at,
        leads,
        file_format,
        preset,
        wanted,
        exported_by,
    )
    return exported


def _last_export(
    store: CampaignStore, campaign_id: uuid.UUID, wanted: Mapping[str, Any]
) -> datetime.datetime | None:
    for export in store.get_campaign(campaign_id).exports:
        if {**export.filter, "since": None} == {**wanted, "since": None}:
            return export.exported_at - OVERLAP
    return None


@contextmanager
def _reading(store: CampaignStore) -> Iterator[tuple[psycopg.Cursor[Any], datetime.datetime]]:
    """A cursor in a read-only transaction, and the time of its start."""
    with store.engine.connect() as connection, connection.begin():
        # For this transaction only, because the connection may be a pooler's.
        connection.execute(text("set local timezone to 'UTC'"))
        connection.execute(text("set local datestyle to 'ISO'"))
        connection.execute(text("set transaction read only"))
        began: datetime.datetime = connection.execute(text("select now()")).scalar_one()
        driver = connection.connection.driver_connection
        if not isinstance(driver, psycopg.Connection):
            raise ExportError("leads are exported with the driver psycopg 3")
        with driver.cursor() as cursor:
            yield cursor, began


def _counted(copy: psycopg.Copy, on_progress: Progress) -> Iterator[bytes]:
    """Yields the lines as they arrive, each with its line feed."""
    for number, line in enumerate(copy):
        yield bytes(line)
        if number % 1000 == 0:
            on_progress(number)


def _write(lines: Iterator[bytes], file: BinaryIO, end: bytes) -> None:
    """Writes the lines in large parts, with `end` in place of the server's line feed."""
    part: list[bytes] = []
    size = 0
    for line in lines:
        part.append(line[:-1])
        size += len(line)
        if size >= _BUFFER:
            file.write(end.join(part) + end)
            part, size = [], 0
    if part:
        file.write(end.join(part) + end)
