"""JSON for the stored functions: Decimals stay exact, and bad characters are replaced."""

from __future__ import annotations

import datetime
import json
import re
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from campaigndb.calling.errors import InvalidInputError, shown

# Replaces what PostgreSQL's text cannot hold: NUL, and halves of surrogate pairs.
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_LONGEST_EXPONENT = 1000
# Deepest place that an error names; values may be nested without limit.
_DEEPEST_PLACE = 5
# Shared: creating a decoder takes longer than reading a reply.
_DECODER = json.JSONDecoder(parse_float=Decimal)
_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


class JsonText(str):
    """JSON that is already text. It is sent unchanged."""

    __slots__ = ()


def _default(value: Any) -> Any:
    if isinstance(value, Decimal):
        if not value.is_finite():
            # Not a JSON number. The function refuses the text and says where it is.
            return str(value)
        # In full, unless it would be nearly all zeros: no column takes such a number.
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
    """Writes `value` as JSON that PostgreSQL accepts; `parameter` names it in an error.

    Decimals become exact strings, which the functions read as numbers. UUIDs and times become
    strings. Characters that PostgreSQL cannot store become U+FFFD.

    Raises:
        InvalidInputError: a value is NaN, infinite or of a type without a JSON form; says where.
    """
    try:
        text = (
            str(value)
            if isinstance(value, JsonText)
            else json.dumps(value, ensure_ascii=False, allow_nan=False, default=_default)
        )
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
        # UTF-16 joins the halves of a surrogate pair that were separate characters.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _place_of_what_is_not_json(value: Any, place: str) -> str:
    """The place, such as `p_businesses[3].rating`, or the list or object itself."""
    for _ in range(_DEEPEST_PLACE):
        if isinstance(value, Mapping):
            items = [(f"{place}.{shown(str(key))}", item) for key, item in value.items()]
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
    """Reads JSON with every fractional number as Decimal, so that money is never a float."""
    return _DECODER.decode(text)
