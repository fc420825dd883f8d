from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from tests.store.failing import replace_functions


@pytest.fixture
def fail(owner_engine: Engine) -> Callable[..., None]:
    """Puts functions in the place of two that fail some times: `fail(3, code, message)`."""

    def replace(failures: int, code: str, message: str, *, envelope: bool = False) -> None:
        statement = f"raise exception using errcode = '{code}', message = '{message}'"
        if envelope:
            statement = f"return stored_function_failure('{code}', '{message}')"
        replace_functions(owner_engine, failures, statement)

    return replace
