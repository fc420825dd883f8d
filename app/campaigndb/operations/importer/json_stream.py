"""Reads the records of a JSON text one by one, without the whole document in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from campaigndb.operations.importer.record_text import (
    MAX_RECORD_LENGTH,
    WHITE_SPACE,
    RecordDecoder,
    RefusedValueError,
)

CHUNK_LENGTH = 1_000_000
# Maximum distance from an error to the end of an unfinished literal, number or escape.
LONGEST_TOKEN = 16
# Maximum depth of nested arrays of records, such as pages of results.
DEEPEST_ARRAYS = 4

# The keys that lead to the records. Arrays on the way are traversed.
Keys = tuple[str, ...]


class Element(NamedTuple):
    """A decoded value, or a `RefusedValueError`, and its text."""

    value: Any
    text: str


class JsonStream:
    """A JSON text, or several in sequence, of which only the needed part is read."""

    def __init__(self, read: Callable[[int], str]) -> None:
        self._read = read
        self._first = RecordDecoder().first
        self._text = ""
        self._position = 0
        self._at_end = False

    def records(self, keys: Keys) -> Iterator[Element]:
        """Each value that `keys` lead to.

        Raises:
            json.JSONDecodeError: the rest is not JSON. `pos` is the text's length if the text ends
                too early.
        """
        while self._peek():
            yield from self._walk(keys, 0)

    def _walk(self, keys: Keys, depth: int) -> Iterator[Element]:
        first = self._peek()
        if first == "[" and depth < DEEPEST_ARRAYS:
            self._position += 1
            if self._peek() == "]":
                self._position += 1
                return
            while True:
                yield from self._walk(keys, depth + 1)
                if self._expect(",]") == "]":
                    return
                if self._peek() == "]":
                    raise self._error("a comma behind the last value")
        elif first == "{" and keys:
            yield from self._members(keys, depth)
        else:
            yield self._value()

    def _members(self, keys: Keys, depth: int) -> Iterator[Element]:
        """The values under the rest of `keys` in the object's members of the first key."""
        self._expect("{")
        is_found = False
        if self._peek() == "}":
            self._position += 1
        else:
            while True:
                if self._peek() != '"':
                    raise self._error("Expecting a key in double quotes")
                key = self._value().value
                self._expect(":")
                if key == keys[0]:
                    is_found = True
                    yield from self._walk(keys[1:], depth)
                else:
                    self._value()
                if self._expect(",}") == "}":
                    break
        if not is_found:
            yield Element(RefusedValueError(f"an object without {keys[0]}"), "")

    def _value(self) -> Element:
        self._peek()
        while True:
            try:
                value, text, end = self._first(self._text, self._position)
            except json.JSONDecodeError as error:
                if self._at_end or not self._is_unfinished(error):
                    raise
            else:
                # "0." is read as 0 and a rest: the number could continue in the next chunk.
                is_closed = self._text[end - 1] in '"]}'
                if self._at_end or is_closed or end + LONGEST_TOKEN < len(self._text):
                    self._position = end
                    return Element(value, text)
            self._read_more()

    def _is_unfinished(self, error: json.JSONDecodeError) -> bool:
        if len(self._text) - self._position > MAX_RECORD_LENGTH:
            return False
        is_near_end = error.pos >= len(self._text) - LONGEST_TOKEN
        return is_near_end or error.msg.startswith("Unterminated string")

    def _peek(self) -> str:
        """The next character that is not white space; empty at the end of the text."""
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
        """At least doubles the buffer, so that a long value is not parsed over and over."""
        rest = self._text[self._position :]
        read = self._read(max(CHUNK_LENGTH, len(rest)))
        self._at_end = not read
        self._text = rest + read
        self._position = 0

    def _error(self, message: str) -> json.JSONDecodeError:
        return json.JSONDecodeError(message, self._text, self._position)
