"""One change at a time, of every kind of object: each is told by name, and nothing else is."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from app.drift import Difference
from tests.drift.conftest import Execute, FoundDrift
from tests.drift.mutations import MUTATIONS, Mutation


def told(difference: Difference) -> str:
    if difference.problem == "changed":
        return f"{difference.where}: {difference.attribute}"
    return {"missing": "-", "unexpected": "+"}[difference.problem] + difference.where


def filled_in(text: str, url: URL) -> str:
    """Not `format`: statements may hold braces of their own."""
    return text.replace("{database}", str(url.database)).replace("{owner}", str(url.username))


def test_there_are_many() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) > 80


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_is_found_and_named(
    mutation: Mutation, database_url: URL, execute: Execute, found_drift: FoundDrift
) -> None:
    execute(filled_in(mutation.statements, database_url))
    report = found_drift()
    expected = {filled_in(item, database_url) for item in mutation.told}
    assert {told(item) for item in report.differences} == expected
    for item in report.differences:
        assert "\n" not in item.line
        assert item.where in item.line


def test_nothing_is_found_where_nothing_changed(found_drift: FoundDrift) -> None:
    assert found_drift().differences == []


@pytest.mark.parametrize("seed", range(12))
def test_of_two_mutations_both_are_found(
    seed: int,
    database_url: URL,
    execute: Execute,
    found_drift: FoundDrift,
    admin_engine: Engine,
) -> None:
    rng = random.Random(seed)
    done: list[Mutation] = []
    while len(done) < 2:
        mutation = rng.choice(MUTATIONS)
        try:
            execute(filled_in(mutation.statements, database_url))
        except DBAPIError:  # what the first one dropped
            continue
        done.append(mutation)
    found = {told(item) for item in found_drift().differences}
    gone = {item[1:].partition(" ")[2] for item in found if item.startswith("-")}
    for mutation in done:
        for item in mutation.told:
            item = filled_in(item, database_url)
            # What belongs to something that is missing altogether is not told.
            assert item in found or any(name in item for name in gone), (done, found)
