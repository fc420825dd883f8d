"""A database and roles of a test's own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import NullPool, create_engine
from sqlalchemy.engine import URL

from app import CampaignStore
from tests.migrations.databases import new_database, new_role


@pytest.fixture
def make_role(server_url: URL) -> Iterator[Callable[..., str]]:
    """Makes roles, each with a name of its own; they go after the test's database."""
    made = []

    def make(name: str, options: str = "login") -> str:
        role = new_role(server_url, f"{name} {uuid.uuid4().hex[:8]}", options)
        made.append(role)
        return role.__enter__()

    yield make
    for role in reversed(made):
        role.__exit__(None, None, None)


@pytest.fixture
def empty_database(server_url: URL, make_role: Callable[..., str]) -> Iterator[URL]:
    with new_database(server_url) as url:
        yield url


@pytest.fixture
def own_store() -> Callable[..., CampaignStore]:
    """Makes a store that runs as whoever the URL names."""

    def make(url: URL, schema: str = "public") -> CampaignStore:
        return CampaignStore(create_engine(url, poolclass=NullPool), schema=schema)

    return make
