"""Read access to the catalogs of a migrated database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import URL

from tests.migrations.catalog import connect


@pytest.fixture
def owner(database_url: URL) -> Iterator[psycopg.Connection[Any]]:
    """The owner's connection to a migrated, empty database."""
    with connect(database_url) as connection:
        yield connection


@pytest.fixture
def rows(owner: psycopg.Connection[Any]) -> Callable[[str], list[tuple[Any, ...]]]:
    return lambda query: owner.execute(query.encode()).fetchall()
