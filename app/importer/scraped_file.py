"""Files of scraped records: JSON lines, a JSON array, or a JSON object that holds one.

All are read as a stream, compressed by gzip or not, so a file may be larger than the memory.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple, cast

from app.importer.errors import ImportFileError
from app.importer.json_stream import JsonStream
from app.importer.record_json import decode, problem_text

FileFormat = Literal["jsonl", "json"]

# A record is at most this long, so that one missing line break cannot take all memory.
MAX_RECORD_BYTES = 64_000_000
LINE_SUFFIXES = (".jsonl", ".ndjson", ".jsonlines")
HEAD_BYTES = 65_536
_BOM = b"\xef\xbb\xbf"


class Position(NamedTuple):
    """Where reading goes on: after record (or line) `number`, at byte `offset` of the lines."""

    number: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """One record; where it cannot be read, `problem` says why and `text` is what stands there.

    `size` is in bytes; `end` is the position after it.
    """

    value: Any
    size: int
    end: Position
    problem: str | None = None
    text: str | None = None


class FileIdentity(NamedTuple):
    """What tells a file from another one, or from itself after a change."""

    size: int
    modified_ns: int
    head_sha256: str


class ScrapedFile:
    """An open file of scraped records.

    Args:
        path: the file.
        file_format: `jsonl` or `json`; None: told by the content.
        array: the key of the array, for a JSON object; None: its first array of objects.

    Raises:
        ImportFileError: it cannot be opened or is not such a file.
    """

    def __init__(
        self, path: Path, file_format: FileFormat | None = None, array: str | None = None
    ) -> None:
        self.path = path
        self.array = array
        try:
            information = path.stat()
            if stat.S_ISDIR(information.st_mode):
                raise ImportFileError(f"{path} is a folder")
            if not stat.S_ISREG(information.st_mode):
                raise ImportFileError(
                    f"{path} is not a regular file: an interrupted import could not go on in it"
                )
            self._file = path.open("rb")
        except OSError as error:
            raise ImportFileError(f"{path}: {error.strerror or error}") from None
        head = self._file.read(HEAD_BYTES)
        self._file.seek(0)
        self.size = information.st_size
        self.identity = FileIdentity(
            information.st_size, information.st_mtime_ns, hashlib.sha256(head).hexdigest()
        )
        is_compressed = head.startswith(b"\x1f\x8b")
        self._stream = cast(
            IO[bytes], gzip.GzipFile(fileobj=self._file) if is_compressed else self._file
        )
        try:
            with self._reading_errors():
                self.format: FileFormat = file_format or self._detect_format()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._stream.close()
        self._file.close()

    @property
    def bytes_read(self) -> int:
        """How far the file itself, compressed or not, was read."""
        return min(self._file.tell(), self.size)

    @property
    def unit(self) -> str:
        """What a position counts."""
        return "line" if self.format == "jsonl" else "record"

    def records(self, start: Position) -> Iterator[Record]:
        """The records after `start`.

        Raises:
            ImportFileError: the rest of the file cannot be read.
        """
        read = self._lines if self.format == "jsonl" else self._elements
        with self._reading_errors():
            yield from read(start)

    def _lines(self, start: Position) -> Iterator[Record]:
        number, offset = start
        self._stream.seek(offset)
        while line := self._stream.readline(MAX_RECORD_BYTES + 1):
            number += 1
            offset += len(line)
            size = len(line)
            if size > MAX_RECORD_BYTES and not line.endswith(b"\n"):
                while (rest := self._stream.readline(HEAD_BYTES)) and not rest.endswith(b"\n"):
                    offset += len(rest)
                offset += len(rest)
                problem = f"longer than {MAX_RECORD_BYTES:,} bytes"
                yield Record(None, HEAD_BYTES, Position(number, offset), problem, "")
                continue
            if number == 1:
                line = line.removeprefix(_BOM)
            if line.strip():
                yield _read_line(line, Position(number, offset))

    def _elements(self, start: Position) -> Iterator[Record]:
        self._stream.seek(0)
        stream = JsonStream(self._stream, MAX_RECORD_BYTES)
        number = 0
        try:
            for value, text in stream.elements(self.array):
                number += 1
                if number > start.number:
                    yield _read_element(value, text, Position(number))
        except json.JSONDecodeError as error:
            raise ImportFileError(
                f"{self.path}: not JSON after record {number}: {error.msg}"
                " (is it one record a line? then add --format jsonl)"
            ) from None

    def _detect_format(self) -> FileFormat:
        """By the first line: whether it is a whole record, or the begin of a larger value."""
        head = self._stream.read(HEAD_BYTES).removeprefix(_BOM)
        if head.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise ImportFileError(f"{self.path} is UTF-16: convert it to UTF-8")
        if head.lstrip().startswith(b"["):
            return "json"
        self._stream.seek(0)
        first = self._next_line()
        line = first.removeprefix(_BOM).strip()
        if not line.startswith(b"{"):
            return "jsonl"
        if len(first) > MAX_RECORD_BYTES:
            return "json"
        text = line.decode("utf-8", "replace")
        try:
            value = decode(text)
        except ValueError as error:
            if any(suffix in LINE_SUFFIXES for suffix in self.path.suffixes):
                return "jsonl"
            # Complete as far as it goes: a value that was written over several lines.
            unfinished = isinstance(error, json.JSONDecodeError) and error.pos >= len(text)
            return "json" if unfinished else "jsonl"
        if self._next_line() or "place_id" in value or "placeId" in value:
            return "jsonl"
        return "json" if any(isinstance(item, list) for item in value.values()) else "jsonl"

    def _next_line(self) -> bytes:
        """The next line that is not blank; empty at the end."""
        while line := self._stream.readline(MAX_RECORD_BYTES + 1):
            if line.strip():
                return line
        return b""

    @contextmanager
    def _reading_errors(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ImportFileError(f"{self.path}: damaged gzip data: {error}") from None
        except OSError as error:
            raise ImportFileError(f"{self.path}: {error.strerror or error}") from None


def _read_line(line: bytes, end: Position) -> Record:
    try:
        # Less the line break, which would be what is wrong with a line that was cut off.
        text = line.decode("utf-8").rstrip()
    except UnicodeDecodeError as error:
        problem = f"not UTF-8 (byte {error.start + 1})"
        return Record(None, len(line), end, problem, line.decode("utf-8", "replace").strip())
    try:
        return Record(decode(text), len(line), end)
    except ValueError as error:
        return Record(None, len(line), end, problem_text(error), text)


def _read_element(value: Any, text: str, end: Position) -> Record:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return Record(None, len(shown), end, "not UTF-8", shown)
    if isinstance(value, ValueError):
        return Record(None, size, end, problem_text(value), text)
    return Record(value, size, end)
