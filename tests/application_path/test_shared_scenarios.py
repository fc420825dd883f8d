"""The shared scenarios both ways: equal answers, and equal tables afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine

from app import CampaignStore
from app.application_path import ApplicationPath, AsyncApplicationPath
from tests.application_path.comparison import comparable, stored
from tests.vectors.vectors import Caller, Scenario, differences, load_scenarios, run, through

SCENARIOS = load_scenarios()


def outcome(scenario: Scenario, call: Caller, engine: Engine) -> tuple[list[Any], Any]:
    """The answers, and what is in the tables afterwards."""
    answers: list[Any] = []
    known = run(scenario, call, lambda _number, _step, answer, _known: answers.append(answer))
    names = {meaning: name for name, meaning in known.items()}
    campaign_ids = [known[name] for name in scenario["ids"]]
    # What is remembered after the answer that has it is a name in none of them.
    own = {meaning: name for meaning, name in names.items() if name in {*scenario["ids"], "run"}}
    with engine.connect() as connection:
        return comparable(answers, own), stored(connection, own, campaign_ids)


def test_answers_and_tables_are_those_of_the_functions(
    application_path: ApplicationPath,
    functions: CampaignStore,
    owner_engine: Engine,
    subtests: pytest.Subtests,
) -> None:
    for scenario in SCENARIOS:
        with subtests.test(scenario["name"]):
            expected = outcome(scenario, through(functions), owner_engine)
            assert outcome(scenario, through(application_path), owner_engine) == expected
            assert expected[0]


def test_asyncio_gives_the_same_answers(database_url: URL, subtests: pytest.Subtests) -> None:
    engine = create_async_engine(database_url)
    path = AsyncApplicationPath(engine, schema="public")

    class Waiting:
        """The coroutines as ordinary methods."""

        def __getattr__(self, name: str) -> Callable[..., Any]:
            return lambda **arguments: runner.run(getattr(path, name)(**arguments))

    with asyncio.Runner() as runner:
        for scenario in SCENARIOS:
            with subtests.test(scenario["name"]):
                assert differences(scenario, through(Waiting())) == []  # type: ignore[arg-type]
        runner.run(engine.dispose())
