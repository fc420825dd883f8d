"""Finds the records in a JSON document, by its beginning."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from campaigndb.operations.importer.json_stream import DEEPEST_ARRAYS, Keys
from campaigndb.operations.importer.record_text import WHITE_SPACE

# Tells for each value whether the database reads it as a record of a place.
Judge = Callable[[list[dict[str, Any]]], list[bool]]

DEEPEST_KEYS = 4
_VALUES_JUDGED = 20
_MOST_CANDIDATES = 200
_ERROR_KEYS = ("error", "errors", "error_message", "errorMessage", "message", "detail", "msg")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{\]},]', re.DOTALL)
_CLOSING = {"[": "]", "{": "}"}


def beginning(head: str) -> tuple[list[Any], bool]:
    """The values at the beginning of a JSON text, and whether `head` is complete.

    The last value contains only the parts that are complete in `head`.
    """
    values: list[Any] = []
    is_whole = True
    decode = json.JSONDecoder(parse_constant=_no_constant).raw_decode
    position = 0
    while rest := head[position:].lstrip(WHITE_SPACE):
        position = len(head) - len(rest)
        try:
            value, position = decode(head, position)
        except (ValueError, RecursionError):
            value, position, is_whole = _cut_to_whole_values(rest), len(head), False
        values.append(value)
    return [value for value in values if value is not None], is_whole


def _no_constant(_: str) -> None:
    """Replaces NaN and the infinities, which are not JSON."""


def _cut_to_whole_values(text: str) -> Any:
    """The value at the beginning of `text`, without incomplete parts; None if nothing is left."""
    open_brackets: list[str] = []
    cut: tuple[int, list[str]] = (0, [])
    for token in _TOKEN.finditer(text):
        character = token[0][0]
        if character in _CLOSING:
            open_brackets.append(character)
        elif character in "]}" and open_brackets:
            open_brackets.pop()
        elif character == ",":
            cut = token.start(), open_brackets.copy()
    end, still_open = cut
    closing = "".join(_CLOSING[bracket] for bracket in reversed(still_open))
    try:
        return json.loads(text[:end] + closing, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


def keys_to_records(values: list[Any], judge: Judge) -> Keys | None:
    """The keys that lead to records of places; None if there are none.

    The shallowest ones are chosen, and of these the array with the most records.
    """
    level: list[tuple[Keys, list[dict[str, Any]]]] = [((), _objects(values))]
    for _ in range(DEEPEST_KEYS + 1):
        judged = [value for _, objects in level for value in objects]
        if not judged:
            return None
        verdicts = iter(judge(judged))
        counts = [(sum(next(verdicts) for _ in objects), keys) for keys, objects in level]
        best = max(counts, key=lambda item: item[0])
        if best[0]:
            return best[1]
        level = _next_level(level)
    return None


def array_of_objects(values: list[Any]) -> Keys | None:
    """The keys to the first array with any objects."""
    level: list[tuple[Keys, list[dict[str, Any]]]] = [((), _objects(values))]
    if any(isinstance(value, list) for value in values) and level[0][1]:
        return ()
    for _ in range(DEEPEST_KEYS):
        deeper: list[tuple[Keys, list[dict[str, Any]]]] = []
        for keys, objects in level:
            for value in objects[:1]:
                for key, member in value.items():
                    if isinstance(member, list) and _objects([member]):
                        return (*keys, key)
                    if isinstance(member, dict):
                        deeper.append(((*keys, key), [member]))
        level = deeper
    return None


def error_message(values: list[Any]) -> str | None:
    """The message of an API's error; None if the body is not an error."""
    if len(values) != 1 or not isinstance(values[0], dict):
        return None
    for key in _ERROR_KEYS:
        said = values[0].get(key)
        if isinstance(said, list) and said:
            said = said[0]
        if isinstance(said, dict):
            said = error_message([said]) or json.dumps(said)
        if isinstance(said, str) and said.strip():
            return " ".join(said.split())[:200]
    return None


def _next_level(
    level: Sequence[tuple[Keys, list[dict[str, Any]]]],
) -> list[tuple[Keys, list[dict[str, Any]]]]:
    """The objects in the members of the objects, by their keys."""
    found: dict[Keys, list[dict[str, Any]]] = {}
    for keys, objects in level:
        for value in objects:
            for key, member in value.items():
                members = _objects([member])
                if members and (len(found) < _MOST_CANDIDATES or (*keys, key) in found):
                    found.setdefault((*keys, key), []).extend(members)
    return [(keys, objects[:_VALUES_JUDGED]) for keys, objects in found.items()]


def _objects(values: Any, depth: int = 0) -> list[dict[str, Any]]:
    """The first objects, also in nested arrays."""
    objects: list[dict[str, Any]] = []
    for value in values:
        if isinstance(value, dict):
            objects.append(value)
        elif isinstance(value, list) and depth < DEEPEST_ARRAYS:
            objects += _objects(value, depth + 1)
        if len(objects) >= _VALUES_JUDGED:
            break
    return objects[:_VALUES_JUDGED]
