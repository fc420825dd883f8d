"""An empty database a test, and Alembic as the program that operators run."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine
from sqlalchemy.engine import URL

from campaigndb import CampaignStore
from campaigndb.migrations import configuration, functions
from tests.migrations.databases import new_database
from tests.migrations.programs import Alembic, run_alembic
from tests.migrations.project import Project


@pytest.fixture
def empty_database(server_url: URL) -> Iterator[URL]:
    with new_database(server_url) as url:
        yield url


@pytest.fixture
def second_database(server_url: URL) -> Iterator[URL]:
    with new_database(server_url) as url:
        yield url


@pytest.fixture
def alembic(tmp_path: Path) -> Alembic:
    def run(
        *arguments: str, url: URL | str | None = None, **settings: str
    ) -> subprocess.CompletedProcess[str]:
        return run_alembic(*arguments, url=url, folder=tmp_path, **settings)

    return run


@pytest.fixture
def owned_store() -> Iterator[Callable[..., CampaignStore]]:
    """Makes stores that run as whoever the URL names; no connection outlives a call."""
    engines = []

    def make(url: URL, schema: str = "public") -> CampaignStore:
        engines.append(create_engine(url, poolclass=NullPool))
        return CampaignStore(engines[-1], schema=schema)

    yield make
    for engine in engines:
        engine.dispose()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgresql_noproc: Any) -> Project:
    """A copy to write revisions in; the template of `database_url` is made before, without them."""
    project = Project(tmp_path)
    monkeypatch.setattr(functions, "HEAD_FOLDER", project.heads)
    monkeypatch.setattr(functions, "FROZEN_FOLDER", project.alembic / "functions")
    monkeypatch.setattr(configuration, "ALEMBIC_FOLDER", project.alembic)
    return project
