"""JSON values as PostgreSQL's jsonb reads, writes and compares them.

Values come from `app.json_codec.load_json`: fractional numbers are Decimal.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from sqlalchemy import Text, bindparam, cast
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import Cast

# Numbers with a fraction are what `dump_json` writes for a float, in as many digits as tell it from
# every other, and a Decimal is a text there: through float no digit is lost. In C, unlike the rest.
_ENCODER = json.JSONEncoder(ensure_ascii=False, default=float)


def json_text(value: Any) -> str:
    """JSON for a jsonb parameter."""
    return _ENCODER.encode(value)


def jsonb_parameter(name: str) -> Cast[Any]:
    """A parameter that is JSON text and becomes jsonb on the server, whoever made the engine."""
    return cast(bindparam(name, type_=Text), JSONB)


def as_text(value: Any) -> str | None:
    """The value as `->>` gives it: a text as it is, all else as its JSON; null for null."""
    if value is None or isinstance(value, str):
        return value
    return _jsonb_text(value)


def is_same_json(one: Any, other: Any) -> bool:
    """Whether two values are equal jsonb: 1 is 1.0, and neither is true."""
    # Without recursion: what could be read as JSON must be comparable, however deep it is.
    pairs = [(one, other)]
    while pairs:
        left, right = pairs.pop()
        if isinstance(left, dict) and isinstance(right, dict):
            if left.keys() != right.keys():
                return False
            pairs.extend((value, right[key]) for key, value in left.items())
        elif isinstance(left, list) and isinstance(right, list):
            if len(left) != len(right):
                return False
            pairs.extend(zip(left, right, strict=True))
        elif isinstance(left, bool) != isinstance(right, bool) or left != right:
            return False
    return True


def _jsonb_text(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(abs(value) if value.is_zero() else value, "f")
    if isinstance(value, list):
        return f"[{', '.join(map(_jsonb_text, value))}]"
    if isinstance(value, dict):
        # jsonb keeps an object's keys by length, then by bytes.
        pairs = sorted((len(encoded := key.encode()), encoded, key) for key in value)
        listed = (f"{_jsonb_text(key)}: {_jsonb_text(value[key])}" for *_, key in pairs)
        return f"{{{', '.join(listed)}}}"
    return _ENCODER.encode(value)
