"""Reads rows of CSV files and Excel sheets as records with the header's names."""

from __future__ import annotations

import csv
import datetime
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import IO, Any

from campaigndb.operations.exporter.columns import LEAD_COLUMNS, Kind
from campaigndb.operations.importer.errors import ImportFileError
from campaigndb.operations.importer.record_text import MAX_RECORD_LENGTH, RefusedValueError

DELIMITERS = ",;\t|"
# Number of rows by which the delimiter is detected.
_ROWS_LOOKED_AT = 20
_ZEROS = re.compile(r"0+")
# Columns that identify a file of `campaigndb export`, here and in insert_businesses_batch.
_EXPORTED = {"business_id", "changed_at"}
# Columns of an export whose cells are JSON.
_JSON_COLUMNS = {each.name for each in LEAD_COLUMNS if each.kind in (Kind.TEXTS, Kind.JSON)}
# A text that the export has marked, so that spreadsheets do not run it as a formula.
_MARKED = re.compile("'+[-=+@\t\r\n\uff1d\uff0b\uff0d\uff20]")
# Texts of data frames for a missing value.
_MISSING = ("", "nan")

Row = dict[str, Any] | RefusedValueError
# Rows with their numbers in a spreadsheet: the header is row 1.
Rows = Iterator[tuple[int, Row]]


def delimiter_of(head: str) -> str | None:
    """The delimiter with which most rows fit the header; None if it is not a table."""
    csv.field_size_limit(MAX_RECORD_LENGTH)
    best: tuple[int, int] = (0, 1)
    found = None
    for delimiter in DELIMITERS:
        rows: list[list[str]] = []
        try:
            for row in csv.reader(io.StringIO(head, newline=""), delimiter=delimiter):
                rows.append(row)
                if len(rows) > _ROWS_LOOKED_AT:
                    break
        except csv.Error:
            continue
        if not rows:
            continue
        fitting = sum(len(row) == len(rows[0]) for row in rows)
        names = sum(bool(name.strip()) for name in rows[0])
        if names > 1 and (fitting, len(rows[0])) > best:
            best, found = (fitting, len(rows[0])), delimiter
    return found


def csv_rows(text: Iterable[str], delimiter: str) -> Rows:
    """The rows after the header."""
    csv.field_size_limit(MAX_RECORD_LENGTH)
    return _records(csv.reader(text, delimiter=delimiter))


def workbook_rows(file: IO[bytes], name: str) -> tuple[str | None, Rows]:
    """The rows of the first sheet with data, and its name if there are several sheets.

    Raises:
        ImportFileError: the library cannot read the file.
        ImportError: it is not installed.
    """
    import openpyxl  # an optional dependency

    try:
        # Read-only mode reads row by row, so that the size does not matter.
        workbook = openpyxl.load_workbook(file, read_only=True, data_only=True)
        sheets = list(workbook.worksheets)
        for sheet in sheets:
            sheet.reset_dimensions()  # the dimensions in the file are often wrong
            if next(sheet.iter_rows(min_row=2, max_row=2), None):
                break
        else:
            return None, iter(())
    except Exception as error:  # noqa: BLE001 - the library raises whatever its parsers do
        raise ImportFileError(f"{name} is no Excel file that can be read: {error}") from None
    rows = ([_cell(cell) for cell in row] for row in sheet.iter_rows())
    return sheet.title if len(sheets) > 1 else None, _records(rows)


def _records(rows: Iterator[Sequence[Any]]) -> Rows:
    numbered = ((number, row) for number, row in enumerate(rows, start=1) if not _is_blank(row))
    _, names = next(numbered, (0, ()))
    header = [str(name or "").strip() for name in names]
    is_export = set(header) >= _EXPORTED
    for number, row in numbered:
        if not _is_blank(row[len(header) :]):
            yield number, RefusedValueError(f"{len(row)} cells, but the header has {len(header)}")
            continue
        record: dict[str, Any] = {}
        for name, value in zip(header, row, strict=False):
            missing = _MISSING[:1] if is_export else _MISSING
            is_missing = value is None or (isinstance(value, str) and value.lower() in missing)
            # If a name occurs twice, its first cell with a value counts.
            if name and not is_missing:
                record.setdefault(name, _exported_value(name, value) if is_export else value)
        yield number, record


def _exported_value(name: str, value: Any) -> Any:
    """The original value of a cell of `campaigndb export`: without its mark, lists as lists."""
    if not isinstance(value, str):
        return value
    if _MARKED.match(value):
        return value[1:]
    if name in _JSON_COLUMNS and value.startswith(("[", "{")):
        with suppress(ValueError, RecursionError):
            return json.loads(value)
    return value


def _is_blank(row: Sequence[Any]) -> bool:
    return all(value in (None, "") for value in row)


def _cell(cell: Any) -> Any:
    value = cell.value
    if cell.data_type == "e":  # the error of a formula
        return None
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        # A number with leading zeros in its format, such as a ZIP code.
        shown = cell.number_format or ""
        if _ZEROS.fullmatch(shown) and len(shown) > 1:
            return str(value).zfill(len(shown))
    return value
