"""Calls the fallback by the function's name, with the store's arguments."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from campaigndb.calling.arguments import Call
from campaigndb.rollout.campaigns_of_call import read_json


def fallback_for(fallback: object, call: Call[Any]) -> Callable[[], Any] | None:
    """The fallback's method with the call's arguments; None if it has no such method.

    Raises:
        InvalidInputError: the call's JSON is nested too deeply to be read.
    """
    method = getattr(fallback, call.function.name, None)
    if method is None:
        return None
    return lambda: method(
        **{name.removeprefix("p_"): _argument(call, name) for name in call.values}
    )


def _argument(call: Call[Any], parameter: str) -> Any:
    value, sql_type = call.values[parameter], call.function.parameters[parameter].kind.sql_type
    if value is None:
        return None
    if sql_type == "jsonb":
        return read_json(call, parameter)
    return Decimal(value) if sql_type == "numeric" else value


def bind_of(fallback: object) -> Callable[..., Any]:
    """The fallback's `bind`.

    Raises:
        TypeError: the fallback has no `bind`.
    """
    bind: Callable[..., Any] | None = getattr(fallback, "bind", None)
    if bind is None:
        raise TypeError(
            f"the fallback {type(fallback).__name__} has no bind(connection): "
            "its calls cannot be part of a transaction"
        )
    return bind
