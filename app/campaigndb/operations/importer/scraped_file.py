"""Files of scraped records, read as a stream. The format is detected by the content.

JSON (lines, arrays, objects with an array, several values in sequence), CSV and Excel, also
compressed by gzip or zip. A file may be larger than the memory.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from campaigndb.operations.importer import record_text
from campaigndb.operations.importer.errors import ImportFileError
from campaigndb.operations.importer.json_stream import Element, JsonStream, Keys
from campaigndb.operations.importer.record_text import (
    WHITE_SPACE,
    RecordDecoder,
    RefusedValueError,
    problem_text,
    storable,
)
from campaigndb.operations.importer.records_place import (
    Judge,
    array_of_objects,
    beginning,
    error_message,
    keys_to_records,
)
from campaigndb.operations.importer.source_file import SourceFile, reading_errors
from campaigndb.operations.importer.tables import Row, csv_rows, delimiter_of, workbook_rows

FileFormat = Literal["jsonl", "json", "csv", "xlsx"]

LINE_SUFFIXES = (".jsonl", ".ndjson", ".jsonlines")
# Lengths of the file's beginning that are searched for records, one after the other.
_BEGINNINGS = (65_536, 1_000_000, 16_000_000)
_LINES_LOOKED_AT = 20
_TITLE = re.compile(r"<title[^>]*>([^<]*)</title>", re.IGNORECASE)
_WORDS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


class Position(NamedTuple):
    """Where reading continues: after `records` records, the last one at line or row `number`."""

    records: int = 0
    number: int = 0


BEGINNING = Position()


@dataclass(frozen=True, slots=True)
class Record:
    """One record as JSON text. If it cannot be read, `problem` says why.

    `text` is then the file's text. `size` is in bytes; `end` is the position after the record.
    """

    text: str
    size: int
    end: Position
    problem: str | None = None


class ScrapedFile:
    """An open file of scraped records.

    Args:
        path: the file, or one that is open already; `-` is standard input.
        judge: tells which JSON objects are records of places.
        file_format: None to detect it.
        array: the key of the array in a JSON object, or several keys separated by dots; None to
            detect it.
        encoding: None to detect it.

    Raises:
        ImportFileError: it cannot be opened, or is not a file of records.
    """

    def __init__(
        self,
        path: Path | SourceFile,
        judge: Judge,
        *,
        file_format: FileFormat | None = None,
        array: str | None = None,
        encoding: str | None = None,
    ) -> None:
        self.source = path if isinstance(path, SourceFile) else SourceFile(path, encoding)
        self.name = self.source.name
        self.keys: Keys = ()
        self.is_empty = self._is_document = False
        self._delimiter = ","
        self._sheet: str | None = None
        try:
            with reading_errors(self.name):
                self.format: FileFormat = file_format or self._detect_format()
                if self.format in ("jsonl", "json") and not self.is_empty:
                    self.keys = tuple(array.split(".")) if array else self._find_records(judge)
                elif self.format == "csv":
                    self._delimiter = delimiter_of(self.source.beginning(_BEGINNINGS[0])) or ","
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes the file."""
        self.source.close()

    @property
    def unit(self) -> str:
        """The unit of a position: line, record or row."""
        return {"jsonl": "line", "json": "record", "csv": "row", "xlsx": "row"}[self.format]

    @property
    def description(self) -> str:
        """The detected format, for people."""
        if self.is_empty:
            return "JSON without records" if self._is_document else "an empty file"
        kind = {
            "jsonl": "JSON lines",
            "json": "JSON",
            "csv": f"a table with {_WORDS[self._delimiter]}",
            "xlsx": "an Excel sheet" + (f" ({self._sheet})" if self._sheet else ""),
        }[self.format]
        where = f", records under {'.'.join(self.keys)}" if self.keys else ""
        if self.format == "xlsx":
            return kind
        assumed = " (assumed: it is not UTF-8)" if self.source.is_assumed else ""
        return f"{kind}{where}, {self.source.encoding_name}{assumed}"

    def records(self, start: Position = BEGINNING) -> Iterator[Record]:
        """The records after `start`.

        Raises:
            ImportFileError: the rest of the file cannot be read.
        """
        last = Position()
        try:
            with reading_errors(self.name):
                for count, (number, element) in enumerate(self._numbered(), start=1):
                    last = Position(count, number)
                    if count > start.records:
                        yield _record(element, last, self.source.encoding_name)
        except json.JSONDecodeError as error:
            raise ImportFileError(self._syntax_problem(error, last)) from None
        except csv.Error as error:
            raise ImportFileError(f"{self.name}: no CSV after row {last.number}: {error}") from None
        except ImportFileError as error:
            after = f", after {self.unit} {last.number:,}" if last.records else ""
            raise ImportFileError(f"{error}{after}") from None

    def _numbered(self) -> Iterator[tuple[int, Element]]:
        if self.is_empty:
            return iter(())
        if self.format == "jsonl":
            return self._of_lines()
        if self.format == "json":
            stream = JsonStream(self.source.text_from_start().read)
            return enumerate(stream.records(self.keys), start=1)
        if self.format == "csv":
            rows = csv_rows(_without_nul(self.source.text_from_start()), self._delimiter)
        else:
            self._sheet, rows = workbook_rows(self.source.bytes_from_start(), self.name)
        return ((number, _of_row(row)) for number, row in rows)

    def _of_lines(self) -> Iterator[tuple[int, Element]]:
        decoder = RecordDecoder()
        text = self.source.text_from_start()
        number = 0
        while line := text.readline(record_text.MAX_RECORD_LENGTH + 1):
            number += 1
            if len(line) > record_text.MAX_RECORD_LENGTH and not line.endswith("\n"):
                while (rest := text.readline(65_536)) and not rest.endswith("\n"):
                    pass
                longest = f"longer than {record_text.MAX_RECORD_LENGTH:,} characters"
                yield number, Element(RefusedValueError(longest), "")
            elif line.strip():
                for element in self._of_line(line, decoder):
                    yield number, element

    def _of_line(self, line: str, decoder: RecordDecoder) -> Iterable[Element]:
        try:
            # Without the line break, which would be reported as the error of a truncated line.
            value, text = decoder.whole(line.rstrip(WHITE_SPACE))
        except json.JSONDecodeError as error:
            problem = problem_text(error)
            if not line.endswith("\n") and _ends_too_early(error):
                problem += "; the file ends here: is it cut off?"
            return [Element(RefusedValueError(problem), line.strip())]
        is_array = isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value)
        if is_array or (self.keys and isinstance(value, dict)):
            rest = iter((text, ""))
            return JsonStream(lambda _: next(rest, "")).records(self.keys)
        return [Element(value, text)]

    def _detect_format(self) -> FileFormat:
        if self.source.is_workbook:
            return "xlsx"
        head = self.source.beginning(_BEGINNINGS[0]).lstrip(WHITE_SPACE)
        suffixes = self.source.path.suffixes
        self.is_empty = not head
        if head.startswith("<"):
            title = _TITLE.search(head)
            said = f' ("{" ".join(title[1].split())}")' if title else ""
            kind = "an XML document" if head.startswith("<?xml") else "an HTML page"
            raise ImportFileError(f"{self.name} is {kind}{said}, no file of records")
        if self.is_empty or head.startswith("["):
            return "json"
        lines = [line for line in head.split("\n") if line.strip()][:_LINES_LOOKED_AT]
        objects = sum(line.lstrip().startswith("{") for line in lines)
        if any(suffix in LINE_SUFFIXES for suffix in suffixes):
            return "jsonl"
        if head.startswith("{"):
            return self._lines_or_document(lines, is_whole=len(head) < _BEGINNINGS[0] // 2)
        if objects * 2 > len(lines):
            return "jsonl"
        if delimiter_of(head) is None:
            raise ImportFileError(f"{self.name} is neither JSON nor a table (CSV, Excel)")
        return "csv"

    def _lines_or_document(self, lines: list[str], *, is_whole: bool) -> FileFormat:
        """Tells JSON lines from one document, if the first line starts with an object."""
        try:
            RecordDecoder().whole(lines[0])
        except json.JSONDecodeError as error:
            # No error up to the end of the line: a value over several lines, or a very long one.
            unfinished = error.pos >= len(lines[0].rstrip()) or (len(lines) == 1 and not is_whole)
            return "json" if unfinished else "jsonl"
        return "jsonl" if len(lines) > 1 else "json"

    def _find_records(self, judge: Judge) -> Keys:
        values: list[Any] = []
        for length in _BEGINNINGS:
            head = self.source.beginning(length)
            values, is_whole = self._values_at(head)
            keys = keys_to_records(values, judge)
            if keys is not None:
                return keys
            if len(head) < length or array_of_objects(values) == ():
                break
        keys = array_of_objects(values)
        if self.format == "jsonl" or keys is not None or not is_whole:
            return keys or ()
        message = error_message(values)
        if message is not None:
            raise ImportFileError(f"{self.name} holds an API's error and no records: {message}")
        if any(isinstance(value, dict) and _has_only_values(value) for value in values):
            raise ImportFileError(f"{self.name} holds no record of a place, and no array of them")
        self.is_empty = self._is_document = all(not _has_only_values(value) for value in values)
        return ()

    def _values_at(self, head: str) -> tuple[list[Any], bool]:
        if self.format == "json":
            return beginning(head)
        lines = [line for line in head.split("\n") if line.strip()][:_LINES_LOOKED_AT]
        return [value for line in lines for value in beginning(line)[0]], False

    def _syntax_problem(self, error: json.JSONDecodeError, last: Position) -> str:
        where = f"{self.name}: after record {last.number:,}"
        if _ends_too_early(error):
            return f"{where} the JSON ends too early: the file is cut off"
        if error.msg.startswith("a comma behind") or error.doc[error.pos : error.pos + 1] in "]}":
            return f"{where} comes a comma and then no other record: remove the comma"
        return f"{where} it is not JSON: {error.msg} (is it one record a line? --format jsonl)"


def _ends_too_early(error: json.JSONDecodeError) -> bool:
    return error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated string")


def _record(element: Element, end: Position, encoding: str) -> Record:
    value, text = element
    try:
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return Record(shown, len(text), end, f"not {encoding}")
    if isinstance(value, ValueError):
        return Record(text, size, end, problem_text(value))
    if not isinstance(value, dict):
        return Record(text, size, end, "not a JSON object")
    return Record(text, size, end)


def _of_row(row: Row) -> Element:
    if isinstance(row, RefusedValueError):
        return Element(row, "")
    return Element(row, storable(json.dumps(row, ensure_ascii=False)))


def _without_nul(lines: Iterable[str]) -> Iterator[str]:
    """csv refuses NUL in some versions of Python; in JSON it becomes U+FFFD anyway."""
    return (line.replace("\0", "\N{REPLACEMENT CHARACTER}") for line in lines)


def _has_only_values(value: Any) -> bool:
    """Whether the object has members and none of them is an empty array."""
    if not isinstance(value, dict):
        return bool(value)
    return bool(value) and not any(member == [] for member in value.values())
