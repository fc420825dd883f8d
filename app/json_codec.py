"""JSON between Python and the stored functions: Decimal stays exact, dirty text gets in."""

from __future__ import annotations

import datetime
import json
import re
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.errors import InvalidInputError

# U+FFFD stands for what PostgreSQL's text cannot hold: NUL, and halves of surrogate pairs.
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_LONGEST_EXPONENT = 1000
# Of a value that is nested without an end, no more is told than where it begins.
_DEEPEST_PLACE = 5
# Made once: a call's reply is read in less time than a decoder is made.
_DECODER = json.JSONDecoder(parse_float=Decimal)
_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def _default(value: Any) -> Any:
    if isinstance(value, Decimal):
        if not value.is_finite():
            # A number that JSON does not know: the function refuses the text and says where.
            return str(value)
        # Written out unless that were all zeros: no column takes so large or so small a number.
        return format(value, "f") if abs(value.adjusted()) <= _LONGEST_EXPONENT else str(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def dump_json(value: Any, parameter: str) -> str:
    """`value` as JSON text that PostgreSQL accepts; `parameter` names it in an error.

    Decimals become exact JSON texts, which the functions read as numbers; UUIDs and times become
    texts; characters that PostgreSQL cannot store become U+FFFD.

    Raises:
        InvalidInputError: a value is NaN, infinite, or of a type JSON has no word for; says where.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_default)
    except (TypeError, ValueError, RecursionError) as error:
        place = _place_of_what_is_not_json(value, parameter)
        where = "" if place == parameter else f" ({place})"
        detail = f"{parameter} is not JSON: {error}{where}"
        raise InvalidInputError(
            f"Invalid input: {detail}", error_code="22023", detail=detail
        ) from error
    if "\\u0000" in text:
        text = _ESCAPED_NUL.sub(rf"\1{_REPLACEMENT}", text)
    try:
        text.encode()
    except UnicodeEncodeError:
        # Through UTF-16, which joins the two halves of a pair that came apart.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _place_of_what_is_not_json(value: Any, place: str) -> str:
    """Such as `p_businesses[3].rating`; the list or object itself where that is all there is."""
    for _ in range(_DEEPEST_PLACE):
        if isinstance(value, Mapping):
            items = [(f"{place}.{key}", item) for key, item in value.items()]
        elif isinstance(value, (list, tuple)):
            items = [(f"{place}[{index}]", item) for index, item in enumerate(value)]
        else:
            break
        wrong = next((named for named in items if not _is_json(named[1])), None)
        if wrong is None:
            break
        place, value = wrong
    return place


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False, default=_default)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def load_json(text: str) -> Any:
    """JSON text with every fractional number as Decimal: floats never touch money."""
    return _DECODER.decode(text)
