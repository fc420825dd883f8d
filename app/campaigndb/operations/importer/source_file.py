"""Opens, decompresses and decodes a file, as detected by its content."""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import stat
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple, cast

import charset_normalizer

from campaigndb.operations.importer.errors import ImportFileError

STANDARD_INPUT = Path("-")
HEAD_BYTES = 65_536
_PIECE = 4_096
# Maximum number of bytes searched. A text that is ASCII up to here is read as UTF-8.
MOST_SEARCHED = 256_000_000
_UTF_8 = "utf-8-sig"
# Legacy encodings of spreadsheets. Without this list the detector also proposes rare ones.
_SINGLE_BYTE_ENCODINGS = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257")
_LEGACY_ENCODINGS = (*_SINGLE_BYTE_ENCODINGS, "cp932", "gb18030", "big5", "euc_kr", "euc_jp")
_NAMES = {
    _UTF_8: "UTF-8",
    **dict.fromkeys(("utf-16", "utf-16-le", "utf-16-be"), "UTF-16"),
    "cp1252": "Windows-1252",
    "cp932": "Shift JIS",
}


class FileIdentity(NamedTuple):
    """Identifies a file and its content."""

    size: int
    modified_ns: int
    head_sha256: str


@contextmanager
def reading_errors(name: str) -> Iterator[None]:
    """Converts errors of decompressing or decoding to `ImportFileError`."""
    try:
        yield
    except EOFError:
        problem = "the packed data ends too early: the file is cut off"
    except (zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        problem = f"damaged packed data: {error}"
    except OSError as error:
        problem = error.strerror or str(error)
    except (LookupError, UnicodeError) as error:  # no such encoding, or not in it
        problem = str(error)
    else:
        return
    raise ImportFileError(f"{name}: {problem}")


class SourceFile:
    """A file that can be read repeatedly from its beginning, also standard input.

    Raises:
        ImportFileError: it cannot be opened, or cannot contain records.
    """

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        self.path = path
        self.is_standard_input = path == STANDARD_INPUT
        self.name = "standard input" if self.is_standard_input else str(path)
        with reading_errors(self.name):
            self._file = _spooled() if self.is_standard_input else _opened(path)
            try:
                self._look(encoding)
            except BaseException:
                self.close()
                raise

    def _look(self, encoding: str | None) -> None:
        head = self._file.read(HEAD_BYTES)
        self._file.seek(0, io.SEEK_END)
        self.size = self._file.tell()
        modified = 0 if self.is_standard_input else self.path.stat().st_mtime_ns
        self.identity = FileIdentity(self.size, modified, hashlib.sha256(head).hexdigest())
        self.is_workbook = False
        self._member: str | None = None
        self._is_gzip = head.startswith(b"\x1f\x8b")
        if head.startswith(b"PK\x03\x04"):
            self._look_into_archive()
        elif head.startswith(b"\xd0\xcf\x11\xe0"):
            raise ImportFileError(
                f"{self.name} is an old Excel file (.xls) or has a password: save it as .xlsx"
            )
        self.encoding, self.is_assumed = encoding or _UTF_8, False
        if encoding is None and not self.is_workbook:
            self.encoding, self.is_assumed = self._detect_encoding()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    @property
    def encoding_name(self) -> str:
        """The encoding's usual name."""
        return _NAMES.get(self.encoding, self.encoding.replace("cp125", "Windows-125"))

    @property
    def bytes_read(self) -> int:
        """The number of bytes read from the file, before decompression."""
        return min(self._file.tell(), self.size)

    def bytes_from_start(self) -> IO[bytes]:
        """The decompressed content, for one reader at a time."""
        self._file.seek(0)
        if self._is_gzip:
            return cast(IO[bytes], gzip.GzipFile(fileobj=self._file))
        if self._member is not None:
            return zipfile.ZipFile(self._file).open(self._member)
        return self._file

    def text_from_start(self) -> io.TextIOWrapper:
        """The decoded content. Bytes that cannot be decoded become lone surrogates."""
        stream = io.BufferedReader(_NotClosed(self.bytes_from_start()), 1_000_000)
        return io.TextIOWrapper(stream, self.encoding, errors="surrogateescape", newline="")

    def beginning(self, length: int) -> str:
        """At most `length` characters; fewer if the rest is damaged."""
        text = self.text_from_start()
        read = ""
        try:
            while len(read) < length and (more := text.read(min(length, _PIECE))):
                read += more
        except (EOFError, zlib.error):
            if not read:
                raise
        return read[:length]

    def _look_into_archive(self) -> None:
        names = zipfile.ZipFile(self._file).namelist()
        self.is_workbook = "xl/workbook.xml" in names
        # macOS adds a file with metadata for each file.
        files = [name for name in names if not name.endswith("/") and "__MACOSX/" not in name]
        if self.is_workbook:
            return
        if len(files) != 1:
            raise ImportFileError(f"{self.name} holds {len(files)} files: unpack it, and name them")
        self._member = files[0]

    def _detect_encoding(self) -> tuple[str, bool]:
        """The encoding's name, and whether it is a guess."""
        stream = self.bytes_from_start()
        head = stream.read(HEAD_BYTES)
        if head.startswith((b"\xff\xfe", b"\xfe\xff")):
            return "utf-16", False
        # All formats begin with an ASCII character.
        if head[1:2] == b"\0" and head[:1] != b"\0":
            return "utf-16-le", False
        if head[:1] == b"\0" and head[1:2] != b"\0":
            return "utf-16-be", False
        sample, searched = head, len(head)
        # Damage further on is reported when the records are read.
        with suppress(EOFError, zlib.error):
            while sample and sample.isascii() and searched < MOST_SEARCHED:
                sample = stream.read(1_000_000)
                searched += len(sample)
        replaced = sample.decode("utf-8", "replace")
        damaged = replaced[:-1].count("\N{REPLACEMENT CHARACTER}")
        whole = sum(1 for character in replaced if character > "\x7f") - damaged
        if damaged == 0 or whole >= damaged:
            return _UTF_8, False
        return _legacy_encoding(sample), True


class _NotClosed(io.RawIOBase):
    """A stream that stays open when its wrapper is garbage-collected."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        read = self._stream.read(len(buffer))
        buffer[: len(read)] = read
        return len(read)


def _opened(path: Path) -> IO[bytes]:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise ImportFileError(f"{path} is a folder")
    if not stat.S_ISREG(mode):
        raise ImportFileError(
            f"{path} is not a regular file: an interrupted import could not go on in it"
        )
    return path.open("rb")


def _spooled() -> IO[bytes]:
    """Copies standard input to a file, because it is inspected before it is read."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the source
    shutil.copyfileobj(sys.stdin.buffer, file, 1_000_000)
    file.seek(0)
    return cast(IO[bytes], file)


def _legacy_encoding(sample: bytes) -> str:
    """The most probable encoding: Windows-1252 unless another one is probable."""
    # Only lines with other characters than ASCII, which would be lost among thousands of others.
    lines = [line for line in sample.split(b"\n") if not line.isascii()]
    telling = b"\n".join(lines)[:HEAD_BYTES]
    for encodings in (["cp1252"], list(_LEGACY_ENCODINGS)):
        best = charset_normalizer.from_bytes(
            telling, cp_isolation=encodings, enable_fallback=False
        ).best()
        # Another encoding must match a language or have several bytes for a character.
        if best is not None and (best.encoding == "cp1252" or best.coherence or _is_wide(best)):
            return best.encoding
    return "cp1252"


def _is_wide(match: charset_normalizer.CharsetMatch) -> bool:
    return match.encoding not in _SINGLE_BYTE_ENCODINGS


def files_in(paths: list[Path]) -> Iterator[Path]:
    """The given files, and the files directly in the given folders, sorted by name."""
    for path in paths:
        if path.is_dir():
            yield from (
                file
                for file in sorted(path.iterdir())
                if file.is_file()
                and not file.name.startswith(".")
                and ".campaigndb-progress" not in file.name
            )
        else:
            yield path
