"""One scraped record as JSON: exact numbers, and what PostgreSQL could not take is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

# Beyond this PostgreSQL's numeric, and any sense in a scraped number, ends.
MAX_EXPONENT = 1000

WHITE_SPACE = " \t\r\n"


class RefusedValueError(ValueError):
    """Well-formed, but a value that cannot be stored."""


def _number(text: str) -> float | Decimal:
    """A float where it says exactly what is written, so that raw data keeps it as a number."""
    as_float = float(text)
    if repr(as_float) == text:
        return as_float
    exact = Decimal(text)
    if not exact.is_finite() or (exact and abs(exact.adjusted()) > MAX_EXPONENT):
        raise RefusedValueError("a number is out of range")
    # Only a finite float can be compared: 1e999 is infinite as a float.
    if abs(as_float) != float("inf") and Decimal(repr(as_float)) == exact:
        return as_float
    return exact


def _integer(text: str) -> int:
    if len(text) > MAX_EXPONENT:
        raise RefusedValueError("a number is out of range")
    return int(text)


def _constant(text: str) -> None:
    raise RefusedValueError(f"{text} is no JSON number")


_decoder = json.JSONDecoder(parse_float=_number, parse_int=_integer, parse_constant=_constant)
# For finding the end of a value that the other one refuses.
_tolerant_decoder = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)


def decode(text: str) -> Any:
    """The value that `text` holds.

    Raises:
        ValueError: it is not JSON, or holds a value that cannot be stored.
    """
    try:
        return _decoder.decode(text)
    except RecursionError:
        raise RefusedValueError("nested too deeply") from None


def decode_first(text: str, start: int) -> tuple[Any, int]:
    """The value at `start`, and where it ends; a `RefusedValueError` in its place if refused.

    Raises:
        ValueError: it is not JSON, or not complete.
    """
    try:
        return _decoder.raw_decode(text, start)
    except RefusedValueError as problem:
        return problem, _tolerant_decoder.raw_decode(text, start)[1]
    except RecursionError:
        raise json.JSONDecodeError("nested too deeply", text, start) from None


def problem_text(error: ValueError) -> str:
    """What is wrong, and in which column."""
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} (column {error.colno})"
    return str(error)
