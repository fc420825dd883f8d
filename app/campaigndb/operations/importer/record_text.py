"""One scraped record as JSON text. What PostgreSQL's jsonb cannot hold is replaced or refused.

The file's text is sent to the database, so that numbers keep their digits and nothing is encoded
again. It is decoded here only to find its end and its errors.
"""

from __future__ import annotations

import json
import re
from typing import Any

WHITE_SPACE = " \t\r\n"
# Maximum length of a record in characters, so that a missing quote cannot exhaust the memory.
MAX_RECORD_LENGTH = 16_000_000

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# Halves of surrogate pairs and NUL, except for whole pairs and escaped backslashes.
_UNSTORABLE = re.compile(
    r"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|\\u0000|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
_NESTING = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{\]}]', re.DOTALL)


class RefusedValueError(ValueError):
    """The value is well-formed but cannot be stored."""


class RecordDecoder:
    """Decodes values. NaN and the infinities, which are not JSON, become null."""

    def __init__(self) -> None:
        self._found_constant = False
        self._decode = json.JSONDecoder(parse_constant=self._null).raw_decode

    def _null(self, _: str) -> None:
        self._found_constant = True

    def first(self, text: str, start: int) -> tuple[Any, str, int]:
        """The value at `start`, its storable text, and its end.

        A refused value is returned as a `RefusedValueError`.

        Raises:
            json.JSONDecodeError: it is not JSON, or incomplete.
        """
        self._found_constant = False
        try:
            value, end = self._decode(text, start)
        except RecursionError:
            end = _end_of_nested(text, start)
            return RefusedValueError("nested too deeply"), text[start:end], end
        except json.JSONDecodeError:
            raise
        except ValueError:  # an integer with thousands of digits
            end = _end_of_nested(text, start)
            return RefusedValueError("a number is out of range"), text[start:end], end
        if self._found_constant:
            return value, json.dumps(value, ensure_ascii=False), end
        return value, storable(text[start:end]), end

    def whole(self, text: str) -> tuple[Any, str]:
        """The only value in `text`, and its storable text.

        Raises:
            json.JSONDecodeError: it is not JSON.
        """
        start = len(text) - len(text.lstrip(WHITE_SPACE))
        value, own_text, end = self.first(text, start)
        if text[end:].strip(WHITE_SPACE):
            raise json.JSONDecodeError("Extra data", text, end)
        return value, own_text


def storable(text: str) -> str:
    """Replaces what PostgreSQL's text cannot hold."""
    if "\\u" not in text:
        return text
    return _UNSTORABLE.sub(lambda match: match[1] or _REPLACEMENT, text)


def _end_of_nested(text: str, start: int) -> int:
    """The end of the array or object at `start`.

    Raises:
        json.JSONDecodeError: it does not end.
    """
    depth = 0
    for token in _NESTING.finditer(text, start):
        if token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
            if depth == 0:
                return token.end()
    raise json.JSONDecodeError("nested too deeply", text, len(text))


def problem_text(error: ValueError) -> str:
    """The problem, with its column if the text is not JSON."""
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} (column {error.colno})"
    return str(error)
