"""Checks a call's arguments by their kinds and adds its idempotency key.

Python checks only what the server can no longer detect: a float given as money, a text that is not
a UUID, characters that PostgreSQL cannot store. All other rules are in the functions. An error
names the parameter but never its value.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Generic, Literal, NoReturn, TypeVar

from campaigndb.calling.catalogue import Key, Kind, Parameter, StoredFunction
from campaigndb.calling.errors import InvalidInputError, from_envelope
from campaigndb.calling.json_codec import dump_json, load_json

EnrichmentType = Literal["facebook", "linkedin"]
Service = Literal["google_maps", "facebook", "linkedin", "bouncer"]
Identifier = uuid.UUID | str
# Never a float, which would be rounded before it reaches the database.
Money = Decimal | int | str

R = TypeVar("R")

# Limits of PostgreSQL's numeric; beyond them its error does not name the parameter.
_MOST_DIGITS = 131_071
_MOST_DECIMALS = 16_383
# Where a call names its campaign, for logs and spans.
_CAMPAIGN_PATHS = ("p_campaign_id", "p_campaign_data.id")


@dataclass(frozen=True)
class Call(Generic[R]):
    """One logical call, the same at every attempt."""

    function: StoredFunction[R]
    # Values by parameter, as they are sent; JSON as text.
    values: Mapping[str, Any]
    # Campaigns whose totals the call writes under a lock. It waits at their gates first.
    gated_campaigns: frozenset[uuid.UUID] = frozenset()
    # The campaign for logs and spans, if the call names exactly one.
    campaign: uuid.UUID | None = None

    def read_envelope(self, text: str) -> R:
        """Reads the result from the envelope's text.

        Raises:
            StoredFunctionError: the envelope reports a failure.
        """
        envelope = load_json(text)
        if not envelope["success"]:
            raise from_envelope(envelope, self.function.name)
        return self.function.read_result(envelope)


def prepare(function: StoredFunction[R], arguments: Sequence[Any], key: uuid.UUID) -> Call[R]:
    """Prepares a call. The arguments are in the order of the function's parameters.

    `key` is the call's idempotency key, by which the database recognises a repeated call.

    Raises:
        InvalidInputError: an argument is not of its parameter's kind.
    """
    given = {}
    for (name, parameter), value in zip(function.parameters.items(), arguments, strict=True):
        check = _CHECKS.get(parameter.kind)
        given[name] = _items(value, name, parameter) if check is None else check(value, name)
    if function.key is not None:
        name, is_list, fields = _split(function.key.path)
        if given[name] is None and function.parameters[name].default is not None:
            given[name] = {}
        if is_list:
            given[name] = _keyed_items(given[name], fields, key, name, function.key)
        else:
            given[name] = _keyed(given[name], fields, key, name)
    gated: frozenset[uuid.UUID] = frozenset()
    if function.gate is not None:
        name, is_list, fields = _split(function.gate)
        gated = _campaigns(given[name], fields) if is_list else _campaign(given[name])
    campaign = next(iter(gated)) if len(gated) == 1 else None
    for path in () if campaign else _CAMPAIGN_PATHS:
        name, _, fields = _split(path)
        campaign = campaign or _named_campaign(given.get(name), fields)
    return Call(
        function,
        {
            name: dump_json(value, name)
            if function.parameters[name].kind in (Kind.OBJECT, Kind.LIST)
            else value
            for name, value in given.items()
        },
        gated,
        campaign,
    )


def as_uuid(value: Any, name: str) -> uuid.UUID | None:
    """Converts an id to a UUID; `name` is the parameter's name in the error."""
    if value is None or isinstance(value, uuid.UUID):
        return value
    try:
        return uuid.UUID(value)
    except (ValueError, AttributeError, TypeError):
        _refuse(name, "is not a UUID")


def _text(value: Any, name: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        _refuse(name, "is not a text")
    if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
        _refuse(name, "holds a character that PostgreSQL cannot store")
    return value


def _integer(value: Any, name: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        _refuse(name, "is not a whole number")
    if not -(2**31) <= value < 2**31:
        _refuse(name, "is out of range")
    return value


def _big_integer(value: int | None, _name: str) -> int | None:
    """Accepts a position that the database returned."""
    return value


def _money(value: Any, name: str) -> str | None:
    """An amount as PostgreSQL and JSON write it, without an exponent: `1E+2` is `100`."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (Decimal, int, str)):
        _refuse(
            name, f'is a {type(value).__name__}: money is Decimal, int or str, such as "0.0070"'
        )
    number = None
    # Some server versions would read `1_0` as a number.
    if not isinstance(value, str) or "_" not in value:
        # Also for an int: Python refuses to format one with more than 4,300 digits.
        with suppress(InvalidOperation):
            number = Decimal(value)
    if number is None or number.is_snan():
        _refuse(name, "is not a number")
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):
        return str(number)  # the function itself refuses NaN and infinity
    if number.adjusted() > _MOST_DIGITS or exponent < -_MOST_DECIMALS:
        _refuse(name, "is out of range")
    return format(number, "f")


def _time(value: Any, name: str) -> datetime.datetime | None:
    if value is None:
        return None
    if not isinstance(value, datetime.datetime) or value.tzinfo is None:
        _refuse(name, "is not a time with a time zone")
    return value


_CHECKS: Mapping[Kind, Callable[[Any, str], Any]] = {
    Kind.UUID: as_uuid,
    Kind.TEXT: _text,
    Kind.INTEGER: _integer,
    Kind.BIG_INTEGER: _big_integer,
    Kind.MONEY: _money,
    Kind.TIME: _time,
}


def _items(value: Any, name: str, parameter: Parameter) -> Any:
    """Converts any iterable to a list, also in `{"items": …}`. The function refuses the rest."""
    if parameter.kind is Kind.OBJECT:
        return value
    if isinstance(value, Mapping) and "items" in value:
        return {**value, "items": _items(value["items"], f"{name}.items", parameter)}
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        return value
    items = list(value)
    for field, kind in parameter.item_kinds.items():
        check = _CHECKS[kind]
        items = [
            {**item, field: check(item.get(field), f"{name}[{index}].{field}")}
            if isinstance(item, Mapping)
            else item
            for index, item in enumerate(items)
        ]
    return items


@cache
def _split(path: str) -> tuple[str, bool, tuple[str, ...]]:
    """Splits a path into its parameter, whether that is a list, and the fields below it."""
    parameter, *fields = path.split(".")
    return parameter.removesuffix("[]"), parameter.endswith("[]"), tuple(fields)


def _keyed_items(items: Any, fields: tuple[str, ...], key: uuid.UUID, name: str, place: Key) -> Any:
    """Adds a key to each item: one for each, or the call's."""
    if isinstance(items, Mapping) and "items" in items:
        inner = _keyed_items(items["items"], fields, key, f"{name}.items", place)
        return {**items, "items": inner}
    if not isinstance(items, list):
        return items
    return [
        _keyed(
            item,
            fields,
            uuid.uuid5(key, str(index)) if place.one_each else key,
            f"{name}[{index}]",
        )
        for index, item in enumerate(items)
    ]


def _keyed(item: Any, fields: tuple[str, ...], key: uuid.UUID, name: str) -> Any:
    """Adds a key to the item, unless it has one or is not an object."""
    if not isinstance(item, Mapping):
        return item
    field, *below = fields
    value = item.get(field)
    if below:
        inner = {} if value is None else value
        return {**item, field: _keyed(inner, tuple(below), key, f"{name}.{field}")}
    if value is None:
        return {**item, field: key}
    if isinstance(value, str):
        # Elsewhere such characters are replaced. Here two keys could become the same.
        _text(value, f"{name}.{field}")
    return item


def _campaign(campaign: uuid.UUID | None) -> frozenset[uuid.UUID]:
    return frozenset() if campaign is None else frozenset((campaign,))


def _campaigns(items: Any, fields: tuple[str, ...]) -> frozenset[uuid.UUID]:
    if not isinstance(items, list):
        return frozenset()
    found = {item[fields[0]] for item in items if isinstance(item, Mapping)}
    return frozenset(found - {None})


def _named_campaign(value: Any, fields: tuple[str, ...]) -> uuid.UUID | None:
    if fields:
        value = value.get(fields[0]) if isinstance(value, Mapping) else None
    return value if isinstance(value, uuid.UUID) else None


def _refuse(name: str, problem: str) -> NoReturn:
    detail = f"{name} {problem}"
    raise InvalidInputError(f"Invalid input: {detail}", error_code="22023", detail=detail)
