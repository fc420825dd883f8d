"""The example gives the answers of the shared scenarios that use the tables' own names."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import Engine

from examples.application_logic import ApplicationLogic
from tests.vectors.vectors import differences, load_scenarios, through

SHARED = (
    "a campaign and its coverage",
    "a campaign without ZIP codes",
    "places come in, unchanged and changed",
    "known values stay",
    "the last of a place wins and rejected records are listed",
    "a place belongs to the campaign that found it first",
    "statistics count",
    "statistics of nothing",
    "costs add up",
    "a cost's key",
    "costs that are refused",
    "an enrichment batch twice",
)

# What callers counted and said by themselves before there were functions, if at all.
BEYOND = re.compile(r"answer\.(new_emails|first_emails|closed|late|message)\b")


@pytest.mark.parametrize("name", SHARED)
def test_the_answers_are_those_of_the_functions(owner_engine: Engine, name: str) -> None:
    [scenario] = [each for each in load_scenarios() if each["name"] == name]
    application = ApplicationLogic(owner_engine, schema="public")
    found = differences(scenario, through(application))
    assert [line for line in found if not BEYOND.search(line)] == []
