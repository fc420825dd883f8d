"""The calls of every release so far work on the head schema: expand first, contract later.

While a deploy replaces them, callers of the last release run against the new schema.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from campaigndb import __version__
from campaigndb.calling.catalogue import FUNCTIONS
from tests.compatibility.record import FOLDER, as_text, recording_path
from tests.compatibility.recording import (
    Recording,
    business_of,
    missing,
    read_signatures,
    record,
    run,
    shape,
)

RECORDINGS = sorted(FOLDER.glob("calls_*.json"))


@pytest.fixture(params=RECORDINGS, ids=lambda path: path.stem)
def recording(request: pytest.FixtureRequest) -> Recording:
    path: Path = request.param
    found: Recording = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_each_recorded_call_works_and_answers_with_at_least_its_fields(
    recording: Recording, app_engine: Engine
) -> None:
    answers: list[Any] = []
    problems = []
    for step in recording["steps"]:
        answer = run(app_engine, step, business_of(answers))
        answers.append(answer)
        problems += [
            f"{step['function']}: {problem}" for problem in missing(step["answer"], shape(answer))
        ]
        # It says the same, and not only in the same fields.
        if isinstance(answer, dict):
            assert answer["success"] is ("error" not in step["answer"]), answer
    assert problems == []


def test_each_recorded_signature_is_still_there(recording: Recording, owner_engine: Engine) -> None:
    names = [signature["name"] for signature in recording["signatures"]]
    with owner_engine.connect() as connection:
        found = {row["name"]: row for row in read_signatures(connection, names)}
    for signature in recording["signatures"]:
        assert found[signature["name"]] == signature


def test_every_gate_that_a_recorded_call_may_wait_at_is_there(
    recording: Recording, app_engine: Engine
) -> None:
    """Which one it is depends on the campaign; an earlier release may know of 64."""
    statements = {
        statement
        for step in recording["steps"]
        for statement in step["before"]
        if statement.startswith("LOCK TABLE")
    }
    assert statements
    (pattern,) = {re.sub(r"\d\d", "{}", statement) for statement in statements}
    with app_engine.begin() as connection:
        for number in range(64):
            connection.exec_driver_sql(pattern.format(f"{number:02}"))


def test_a_recording_has_every_function_that_its_release_calls(recording: Recording) -> None:
    called = {step["function"] for step in recording["steps"]}
    assert called == {signature["name"] for signature in recording["signatures"]}


def test_the_recording_of_this_version_is_what_it_calls(app_engine: Engine) -> None:
    """Other calls after a release are another version; before it they are recorded again."""
    path = recording_path(__version__)
    if not path.exists():
        pytest.skip(f"{__version__} is not released: its calls are recorded with its release")
    recording = record(app_engine, __version__)
    assert as_text(recording) == path.read_text(encoding="utf-8")
    assert {step["function"] for step in recording["steps"]} == {
        function.name for function in FUNCTIONS.values()
    }


@pytest.mark.parametrize(
    ("expected", "found", "problems"),
    [
        ({"a": "number"}, {"a": "number", "b": "string"}, []),
        ({"a": "number"}, {"b": "number"}, ["a is gone"]),
        ({"a": "number"}, {"a": "string"}, ["a is string, was number"]),
        ({"a": "null"}, {"a": "string"}, []),
        ({"a": "null"}, {}, ["a is gone"]),
        ({"a": [{"b": "string"}]}, {"a": [{}]}, ["a[0].b is gone"]),
        ({"a": [{"b": "string"}]}, {"a": []}, ["a is empty"]),
        ({"a": []}, {"a": [{"b": "string"}]}, []),
        ({"a": []}, {"a": "string"}, ["a is string, was a list"]),
    ],
)
def test_what_an_old_caller_misses_is_found(expected: Any, found: Any, problems: list[str]) -> None:
    assert missing(expected, found) == problems
