"""Amounts of money as `numeric` has them: read, and rounded once, as the server does."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal

from sqlalchemy import Connection, Numeric, Text, bindparam, cast, select

from app.tables.metadata import MONEY_SCALE

# What the columns of totals can hold.
LARGEST_TOTAL = Decimal("99999999999999.9999")

# Enough for every numeric; half a unit goes away from zero, as in the server's round().
_CONTEXT = Context(prec=150_000, rounding=ROUND_HALF_UP)
_UNIT = Decimal(1).scaleb(-MONEY_SCALE)
_PLAIN = re.compile(r"[ \t\r\n]*[-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]{1,3})?[ \t\r\n]*")
_LONGEST_PLAIN = 100


def read_money(connection: Connection, text: str | None) -> Decimal | None:
    """The amount that a text is; it may be NaN or infinite.

    Raises:
        DBAPIError: the server does not take it for a number.
    """
    if text is None:
        return None
    if len(text) <= _LONGEST_PLAIN and _PLAIN.fullmatch(text):
        return Decimal(text.strip())
    # What else is a number differs from version to version: the server itself says what it is.
    amount: Decimal = connection.execute(
        select(cast(bindparam("amount", text, type_=Text), Numeric))
    ).scalar_one()
    return amount


def rounded(amount: Decimal) -> Decimal:
    """A finite amount at the ledger's scale; never a negative zero."""
    return _CONTEXT.plus(_CONTEXT.quantize(amount, _UNIT))
