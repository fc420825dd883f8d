"""A database that the benchmarks make for themselves, on the test server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.engine import URL

from benchmarks.database import BenchDatabase, bench_database


@pytest.fixture
def database(server_url: URL) -> Iterator[BenchDatabase]:
    with bench_database(server_url) as made:
        yield made
