"""The elements of a JSON array, one by one, without the whole document in memory."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import IO, Any

from app.importer.record_json import WHITE_SPACE, decode_first

CHUNK_BYTES = 1_000_000
# An unfinished literal, number or escape ends at most this far from where it is noticed.
LONGEST_TOKEN = 16


class JsonStream:
    """A JSON text that is read as far as it is needed.

    Bytes that are not UTF-8 become lone surrogates, for the reader of a record to find.
    `longest` bounds what is read in search of the end of one value.
    """

    def __init__(self, file: IO[bytes], longest: int) -> None:
        self._file = file
        self._longest = longest
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape").decode
        self._text = ""
        self._position = 0
        self._at_end = False

    def elements(self, key: str | None) -> Iterator[tuple[Any, str]]:
        """Each element of the document's array with its text.

        A value that is refused comes as a `RefusedValueError`. The document is the array, or an
        object: then it is the array under `key`, or else the first one that holds objects.

        Raises:
            json.JSONDecodeError: it is not such a document from here on.
        """
        if self._peek() == "{":
            if not self._enter_array(key):
                return
        else:
            self._expect("[")
        yield from self._rest_of_array()

    def _rest_of_array(self) -> Iterator[tuple[Any, str]]:
        if self._peek() == "]":
            self._position += 1
            return
        while True:
            yield self._value()
            if self._expect(",]") == "]":
                return

    def _enter_array(self, wanted: str | None) -> bool:
        """Goes into the array of the object; False if all there is is empty."""
        self._expect("{")
        has_empty_array = False
        while self._peek() != "}":
            if self._peek() != '"':
                raise self._error("Expecting a key in double quotes")
            key, _ = self._value()
            self._expect(":")
            if self._peek() == "[" and wanted in (None, key):
                self._expect("[")
                if wanted is not None or self._peek() == "{":
                    return True
                has_empty_array |= self._peek() == "]"
                for _ in self._rest_of_array():
                    pass
            else:
                self._value()
            if self._expect(",}") == "}":
                break
        if not has_empty_array:
            named = "array of records" if wanted is None else f"array {wanted!r}"
            raise self._error(f"the object holds no {named}")
        return False

    def _value(self) -> tuple[Any, str]:
        self._peek()
        while True:
            try:
                value, end = decode_first(self._text, self._position)
            except json.JSONDecodeError as error:
                if self._at_end or not self._is_unfinished(error):
                    raise
            else:
                # "0." is read as 0 and a rest: a number could go on in what was not read yet.
                is_closed = self._text[end - 1] in '"]}'
                if self._at_end or is_closed or end + LONGEST_TOKEN < len(self._text):
                    text = self._text[self._position : end]
                    self._position = end
                    return value, text
            self._read_more()

    def _is_unfinished(self, error: json.JSONDecodeError) -> bool:
        if len(self._text) - self._position > self._longest:
            return False
        is_near_end = error.pos >= len(self._text) - LONGEST_TOKEN
        return is_near_end or error.msg.startswith("Unterminated string")

    def _peek(self) -> str:
        """The next character that is not white space; empty at the end."""
        while True:
            rest = self._text[self._position : self._position + 1]
            if rest and rest not in WHITE_SPACE:
                return rest
            if rest:
                self._position += 1
            elif self._at_end:
                return ""
            else:
                self._read_more()

    def _expect(self, characters: str) -> str:
        found = self._peek()
        if not found or found not in characters:
            wanted = " or ".join(f"'{character}'" for character in characters)
            raise self._error(f"Expecting {wanted}")
        self._position += 1
        return found

    def _read_more(self) -> None:
        """At least doubles what is held, so that a long value is not read over and over."""
        rest = self._text[self._position :]
        read = self._file.read(max(CHUNK_BYTES, len(rest)))
        self._at_end = not read
        self._text = rest + self._decode(read, not read)
        self._position = 0

    def _error(self, message: str) -> json.JSONDecodeError:
        return json.JSONDecodeError(message, self._text, self._position)
