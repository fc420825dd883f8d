"""What may be wrong with the fields of a JSON object, in the words of the functions' errors.

A check takes a value that is not null and answers with what it is not, or None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NoReturn

from app.application_path.json_values import as_text
from app.application_path.money import LARGEST_TOTAL, rounded
from app.application_path.scraped_values import NUMBER
from app.errors import from_sqlstate

Check = Callable[[Any], str | None]

INVALID_PARAMETER = "22023"
OUT_OF_RANGE = "22003"
MISSING_REFERENCE = "23503"
DUPLICATE = "23505"

LARGEST_COUNT = 2**31 - 1
_LONGEST_NUMBER = 80
_UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_NOT_A_NUMBER = "is not a number"


def refuse(detail: str, code: str = INVALID_PARAMETER) -> NoReturn:
    """Fails as a function does that raises with this SQLSTATE and message."""
    raise from_sqlstate(code, detail)


def refuse_missing_campaign(campaign_id: object) -> NoReturn:
    refuse(f"there is no campaign {campaign_id or 'null'}", MISSING_REFERENCE)


def first_problem(data: Mapping[str, Any], checks: Mapping[str, Check]) -> str | None:
    """The first field that does not pass, named; an absent or null field is fine."""
    for key, check in checks.items():
        value = data.get(key)
        if value is not None and (problem := check(value)) is not None:
            return f"{key} {problem}"
    return None


def text(value: Any) -> str | None:
    return None if isinstance(value, str) else "is not a text"


def boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else "is not true or false"


def uuid_text(value: Any) -> str | None:
    return None if isinstance(value, str) and _UUID.fullmatch(value) else "is not a UUID"


def texts(value: Any) -> str | None:
    if isinstance(value, str):
        return None
    if isinstance(value, list) and all(item is None or isinstance(item, str) for item in value):
        return None
    return "is not a list of texts"


def one_of(*choices: str) -> Check:
    listed = ", ".join(choices)

    def check(value: Any) -> str | None:
        known = isinstance(value, str) and value in choices
        return None if known else f"is not one of {listed}"

    return check


def count(value: Any) -> str | None:
    given = number(value)
    if given is None:
        return _NOT_A_NUMBER
    if not 0 <= given <= LARGEST_COUNT or given != given.to_integral_value():
        return f"is not a whole number from 0 to {LARGEST_COUNT}"
    return None


def percentage(value: Any) -> str | None:
    given = number(value)
    if given is None:
        return _NOT_A_NUMBER
    return None if 0 <= given <= 100 else "is not between 0 and 100"


def money(value: Any) -> str | None:
    given = number(value)
    if given is None:
        return _NOT_A_NUMBER
    if given < 0 or rounded(given) > LARGEST_TOTAL:
        return f"is not between 0 and {LARGEST_TOTAL}"
    return None


def score(value: Any) -> str | None:
    given = number(value)
    if given is None:
        return _NOT_A_NUMBER
    return "is negative" if given < 0 else None


def number_in(data: Mapping[str, Any], key: str) -> Decimal | None:
    """The number in a field that passed its check, or None."""
    return number(data.get(key))


def count_in(data: Mapping[str, Any], key: str) -> int | None:
    """The whole number in a field that passed its check, or None."""
    given = number(data.get(key))
    return None if given is None else int(given)


def number(value: Any) -> Decimal | None:
    """The number that a JSON value is; None for what is none."""
    # JavaScript sends money as text, so that no float touches it.
    if isinstance(value, bool) or not isinstance(value, (int, Decimal, str)):
        return None
    written = as_text(value)
    if written is None or len(written) > _LONGEST_NUMBER or not NUMBER.fullmatch(written):
        return None
    return Decimal(written.strip())
