"""Scenarios of calls with the answers that every way of calling must give: `calls.json`.

A scenario starts from nothing of its own and has steps; a step is one logical call:

- `function` and `parameters`: the stored function and its named parameters, as JSON.
- `answer`: the whole envelope, or the rows of a function that returns rows. A function that raises
  is written as the envelope of the same failure. Numbers are compared as numbers: money has no
  trailing zeros in JSON. `"<uuid>"` is any UUID, `"<time>"` any point in time.
- `remember`: names for parts of the answer, by path, for later steps.

`{name}` in a text stands for something remembered, for one of the scenario's `ids` (a new UUID each
time it runs), or for `{run}`, a new short text: a scenario can run any number of times in one
database.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from campaigndb.calling.catalogue import FUNCTIONS, Kind
from campaigndb.calling.errors import StoredFunctionError
from campaigndb.calling.methods import StoredFunctions

PATH = Path(__file__).with_name("calls.json")
ANY_UUID = "<uuid>"
ANY_TIME = "<time>"

Scenario = dict[str, Any]
# Makes one call: the function's name and its parameters; answers with an envelope or with rows.
Caller = Callable[[str, Mapping[str, Any]], Any]


def load_scenarios() -> list[Scenario]:
    scenarios: list[Scenario] = json.loads(PATH.read_text(encoding="utf-8"))["scenarios"]
    return scenarios


def differences(scenario: Scenario, call: Caller) -> list[str]:
    """Runs the scenario; what its answers have that the file does not say, and the other way."""
    found: list[str] = []

    def compare(
        number: int, step: Mapping[str, Any], answer: Any, known: Mapping[str, str]
    ) -> None:
        found.extend(
            f"step {number}, {step['function']}: {difference}"
            for difference in _differences(_filled(step["answer"], known), answer)
        )

    run(scenario, call, compare)
    return found


def run(
    scenario: Scenario,
    call: Caller,
    told: Callable[[int, Mapping[str, Any], Any, Mapping[str, str]], None],
) -> dict[str, str]:
    """Makes the scenario's calls and tells each answer; returns what the names stood for."""
    known = {name: str(uuid.uuid4()) for name in scenario["ids"]} | {"run": uuid.uuid4().hex[:8]}
    for number, step in enumerate(scenario["steps"], start=1):
        answer = call(step["function"], _filled(step["parameters"], known))
        told(number, step, answer, known)
        for name, path in step.get("remember", {}).items():
            known[name] = str(_at(answer, path))
    return known


def through(store: StoredFunctions) -> Caller:
    """Calls by the methods of a store; results and errors become envelopes again."""

    def call(function: str, parameters: Mapping[str, Any]) -> Any:
        kinds = FUNCTIONS[function].parameters
        arguments = {
            name.removeprefix("p_"): datetime.datetime.fromisoformat(value)
            if value is not None and kinds[name].kind is Kind.TIME
            else value
            for name, value in parameters.items()
        }
        try:
            result = getattr(store, function)(**arguments)
        except StoredFunctionError as error:
            return failure(error)
        if isinstance(result, tuple):
            return [as_json(dataclasses.asdict(row)) for row in result]
        return {"success": result.success, **as_json(dataclasses.asdict(result))}

    return call


def failure(error: StoredFunctionError) -> dict[str, Any]:
    """The envelope of a failure that arrived as an exception."""
    return {
        "success": False,
        "error": error.error,
        "error_code": error.error_code,
        "error_detail": error.detail,
        "retry_recommended": error.retry_recommended,
    }


def as_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: as_json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


def _filled(value: Any, known: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {name: _filled(item, known) for name, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, known) for item in value]
    if isinstance(value, str):
        for name, meaning in known.items():
            value = value.replace(f"{{{name}}}", meaning)
    return value


def _at(value: Any, path: list[str | int]) -> Any:
    for step in path:
        value = value[step]
    return value


def _differences(expected: Any, found: Any, path: str = "answer") -> list[str]:
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        return [
            difference
            for name in sorted(expected.keys() | found.keys())
            for difference in (
                [f"{path}.{name} is missing"]
                if name not in found
                else [f"{path}.{name} is not expected: {found[name]!r}"]
                if name not in expected
                else _differences(expected[name], found[name], f"{path}.{name}")
            )
        ]
    if isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            return [f"{path} has {len(found)} items, not {len(expected)}: {found!r}"]
        return [
            difference
            for index, (wanted, got) in enumerate(zip(expected, found, strict=True))
            for difference in _differences(wanted, got, f"{path}[{index}]")
        ]
    if (expected == ANY_UUID and is_uuid(found)) or (expected == ANY_TIME and is_time(found)):
        return []
    if _is_number(expected) and _is_number(found):
        same = Decimal(str(expected)) == Decimal(str(found))
    else:
        same = type(expected) is type(found) and expected == found
    return [] if same else [f"{path} is {found!r}, not {expected!r}"]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def is_uuid(value: Any) -> bool:
    try:
        return str(uuid.UUID(value)) == value
    except (ValueError, TypeError, AttributeError):
        return False


def is_time(value: Any) -> bool:
    return isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", value) is not None
