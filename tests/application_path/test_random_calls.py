"""The same random calls both ways: equal answers to each, and equal tables in the end."""

from __future__ import annotations

import random
import re
import uuid
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import Engine, select

from app import CampaignStore
from app.application_path import ApplicationPath
from app.stored_functions import StoredFunctions
from app.tables import businesses
from tests.application_path.comparison import comparable, stored
from tests.application_path.random_calls import RandomCall, random_calls
from tests.vectors.vectors import through

CALLS = 200


class World:
    """One way of calling with campaigns and places of its own."""

    def __init__(self, store: StoredFunctions, engine: Engine) -> None:
        self._call = through(store)
        self._engine = engine
        self._known = {name: str(uuid.uuid4()) for name in ("campaign", "other")}
        self._known |= {f"new {number}": str(uuid.uuid4()) for number in (1, 2, 3)}
        self._known["run"] = uuid.uuid4().hex[:8]
        self._names = {meaning: name for name, meaning in self._known.items()}

    def answer(self, call: RandomCall) -> Any:
        function, arguments = call
        return comparable(self._call(function, self._filled(arguments)), self._names)

    def stored(self) -> dict[str, list[Any]]:
        with self._engine.connect() as connection:
            return stored(connection, self._names, list(self._known.values())[:5])

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._filled(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        if isinstance(value, str):
            return re.sub(r"{(.+?)}", lambda match: self._meaning(match[1]), value)
        return value

    def _meaning(self, name: str) -> str:
        if not name.startswith("business "):
            return self._known[name]
        place_id = name.replace("business ", f"{self._known['run']}-")
        with self._engine.connect() as connection:
            query = select(businesses.c.id).where(businesses.c.place_id == place_id)
            return str(connection.execute(query).scalar() or uuid.UUID(int=0))


@pytest.mark.parametrize("seed", [1, 2])
def test_random_calls_have_the_functions_answers_and_leave_equal_tables(
    seed: int, application_path: ApplicationPath, functions: CampaignStore, owner_engine: Engine
) -> None:
    worlds = World(functions, owner_engine), World(application_path, owner_engine)
    outcomes: Counter[tuple[str, bool]] = Counter()
    for call in random_calls(random.Random(seed), CALLS):
        expected, found = (world.answer(call) for world in worlds)
        assert found == expected, call
        outcomes[call[0], isinstance(expected, list) or expected["success"]] += 1
    expected_tables, found_tables = (world.stored() for world in worlds)
    assert found_tables == expected_tables
    assert all(expected_tables.values()), "a table was never written"
    assert len(outcomes) == 18, "a function never succeeded, or never failed"
