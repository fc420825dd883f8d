"""Whatever comes in: both ways say the same of it, from the same state of the database."""

from __future__ import annotations

import dataclasses
import uuid
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from app import StoredFunctionError
from app.application_path.application_path import _execute
from app.calls import Call
from app.stored_functions import StoredFunctions
from tests.application_path.comparison import comparable, stored
from tests.fuzz.test_arbitrary_input import ARGUMENTS

BOUNDED = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Built(StoredFunctions):
    """Keeps the last call that was built."""

    call: Call[Any] | None = None

    def _run(self, call: Call[Any]) -> Any:
        self.call = call


def outcome(engine: Engine, call: Call[Any], *, by_function: bool) -> Any:
    """What a way says, and what is in the tables then; nothing stays."""
    with engine.connect() as connection:
        level = call.function.isolation_level if by_function else "READ COMMITTED"
        connection.execution_options(isolation_level=level)
        execute = call.execute if by_function else partial(_execute, call=call)
        try:
            result = execute(connection, schema="public")
            return comparable(_as_dicts(result), {}), stored(connection, {})
        except StoredFunctionError as error:
            return type(error).__name__, vars(error)
        finally:
            connection.rollback()


def _as_dicts(result: Any) -> Any:
    if isinstance(result, tuple):
        return [dataclasses.asdict(row) for row in result]
    return dataclasses.asdict(result)


@pytest.mark.parametrize("function", ARGUMENTS)
def test_both_ways_say_the_same(
    function: str, owner_engine: Engine, campaign_id: uuid.UUID, add_business: Any
) -> None:
    known = [campaign_id, add_business("known", email="a@b.fi")]
    ids = st.sampled_from(known) | st.uuids() | st.none() | st.text(max_size=4)
    built = Built()

    @BOUNDED
    @given(st.tuples(*ARGUMENTS[function](ids)))
    def call(arguments: tuple[Any, ...]) -> None:
        built.call = None
        try:
            getattr(built, function)(*arguments)
        except StoredFunctionError:
            return  # refused before either way began
        assert built.call is not None
        expected = outcome(owner_engine, built.call, by_function=True)
        assert outcome(owner_engine, built.call, by_function=False) == expected

    call()
