"""Reading the statistics of the test's database."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from campaigndb.operations.monitoring import Statistics, read_statistics
from tests.support.waiting import wait_until


@pytest.fixture
def read(owner_engine: Engine) -> Callable[..., Statistics]:
    """Reads as the owner until `condition` holds: the server adds counts up after a moment."""

    def until(condition: Callable[[Statistics], bool] = lambda _: True) -> Statistics:
        found: list[Statistics] = []

        def holds() -> bool:
            found.append(read_statistics(owner_engine, "public"))
            return condition(found[-1])

        wait_until(holds)
        return found[-1]

    return until
