"""How a scraper's values are read: blanks are nothing, and what cannot be read is unknown."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from app.application_path.json_values import as_text

# What the functions' patterns take for white space.
_BLANKS = " \t\r\n"
# A number as `numeric` of every version reads it, without an exponent.
NUMBER = re.compile(r"[ \t\r\n]*[-+]?[0-9]+(\.[0-9]*)?[ \t\r\n]*")
_LONGEST_NUMBER = 40
_TOO_LARGE = Decimal("1e40")
# What is white space beyond ASCII depends on the database's locale there; here it is Unicode's.
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")


def scraped_text(value: str | None) -> str | None:
    """The text without white space around it; None where nothing is left."""
    return None if value is None else value.strip(_BLANKS) or None


def scraped_email(value: str | None) -> str | None:
    """What can be an address at all: something on both sides of an @, no white space."""
    text = scraped_text(value)
    return text if text is not None and _EMAIL.fullmatch(text) else None


def scraped_number(value: Any) -> Decimal | None:
    """A number, or a text that is one; None for all else."""
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        number = Decimal(value)
        return number if -_TOO_LARGE < number < _TOO_LARGE else None
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER and NUMBER.fullmatch(value):
        return Decimal(value.strip(_BLANKS))
    return None


def text_list(value: Any) -> list[str]:
    """The texts of a JSON array without its blanks; a single text is a list of one."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return []
    texts = (scraped_text(as_text(element)) for element in value)
    return [text for text in texts if text is not None]
