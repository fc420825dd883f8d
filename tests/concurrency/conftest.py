"""One pool of processes for all tests here: starting them is what takes time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from tests.concurrency.crew import Crew

PROCESSES = 10


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    # Forked from a clean process that has imported everything once, and made no connection.
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.concurrency.crew"])
    with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        yield pool


@pytest.fixture
def crew(pool: ProcessPoolExecutor, app_url: URL, owner_engine: Engine) -> Crew:
    return Crew(pool, app_url, owner_engine)
