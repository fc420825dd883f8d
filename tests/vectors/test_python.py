"""The shared scenarios through the Python stores."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine

from campaigndb import AsyncCampaignStore, CampaignStore
from campaigndb.calling.catalogue import FUNCTIONS
from tests.vectors.vectors import (
    Scenario,
    differences,
    load_scenarios,
    through,
)

SCENARIOS = load_scenarios()


def test_through_the_store(store: CampaignStore) -> None:
    assert _all_differences(through(store)) == {}


def test_through_the_async_store(app_url: URL) -> None:
    engine = create_async_engine(app_url)
    store = AsyncCampaignStore(engine, schema="public")

    class Waiting:
        """The async store's methods as ordinary ones."""

        def __getattr__(self, name: str) -> Callable[..., Any]:
            return lambda **arguments: runner.run(getattr(store, name)(**arguments))

    with asyncio.Runner() as runner:
        try:
            assert _all_differences(through(Waiting())) == {}  # type: ignore[arg-type]
        finally:
            runner.run(engine.dispose())


def test_every_function_that_the_stores_have_answers_well_and_badly() -> None:
    answers = {
        (step["function"], isinstance(step["answer"], list) or step["answer"]["success"])
        for scenario in SCENARIOS
        for step in scenario["steps"]
    }
    names = FUNCTIONS.keys() - {"get_businesses_for_enrichment_after", "get_enrichment_queue_page"}
    assert answers == {(name, well) for name in names for well in (True, False)}


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"success": True, "n": 1}, []),
        ({"success": True, "n": 1.0}, []),
        ({"success": True, "n": "1"}, ["answer.n is '1', not 1"]),
        ({"success": True, "n": True}, ["answer.n is True, not 1"]),
        ({"success": True}, ["answer.n is missing"]),
        ({"success": True, "n": 1, "m": 2}, ["answer.m is not expected: 2"]),
        ([], ["answer is [], not {'success': True, 'n': 1}"]),
    ],
)
def test_a_difference_is_told(answer: Any, told: list[str]) -> None:
    scenario: Scenario = {
        "name": "one",
        "ids": [],
        "steps": [{"function": "f", "parameters": {}, "answer": {"success": True, "n": 1}}],
    }
    assert differences(scenario, lambda *_: answer) == [f"step 1, f: {text}" for text in told]


def _all_differences(call: Callable[[str, dict[str, Any]], Any]) -> dict[str, list[str]]:
    found = {scenario["name"]: differences(scenario, call) for scenario in SCENARIOS}
    return {name: problems for name, problems in found.items() if problems}
