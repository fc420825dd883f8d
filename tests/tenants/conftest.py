"""A database of a test's own with two tenants, and the project's programs on it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from psycopg.sql import SQL, Identifier
from sqlalchemy.engine import URL

from campaigndb.cli.main import run_command
from campaigndb.operations.tenants.lifecycle import create_tenant
from campaigndb.settings import get_settings
from tests.migrations.catalog import connect
from tests.migrations.databases import new_database, new_role
from tests.tenants.tenants import SETTINGS, TENANTS


@dataclass(frozen=True)
class Result:
    exit_code: int
    stdout: str
    stderr: str


@pytest.fixture(scope="session")
def tenants_template(server_url: URL) -> Iterator[str]:
    with new_database(server_url) as url:
        for name in TENANTS:
            create_tenant(url, name, SETTINGS)
        assert url.database is not None
        yield url.database


@pytest.fixture
def tenants_url(server_url: URL, tenants_template: str) -> Iterator[URL]:
    """A database with the tenants `TENANTS` and nothing else."""
    with new_database(server_url, tenants_template) as url:
        yield url


@pytest.fixture
def empty_database(server_url: URL) -> Iterator[URL]:
    with new_database(server_url) as url:
        yield url


@pytest.fixture
def roles(server_url: URL, tenants_url: URL) -> Iterator[list[str]]:
    """Two roles that may log in, one with a name that has to be quoted."""
    number = uuid.uuid4().hex[:8]
    with ExitStack() as stack:
        names = [
            stack.enter_context(new_role(server_url, name))
            for name in (f"tenant_{number}", f'the "other" tenant\'s {number}')
        ]
        yield names
        with connect(tenants_url) as connection:
            for name in names:
                connection.execute(SQL("drop owned by {}").format(Identifier(name)))


@pytest.fixture
def campaigndb(
    tenants_url: URL,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Callable[..., Result]]:
    """Runs a command in this process on the database of the tenants."""
    for name in os.environ:
        if name.startswith(("CAMPAIGNDB_", "PG")) and name not in (
            "CAMPAIGNDB_PG_BIN",
            "CAMPAIGNDB_SERVER_USER",
        ):
            monkeypatch.delenv(name)
    url = tenants_url.set(drivername="postgresql")
    monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
    monkeypatch.setenv("CAMPAIGNDB_TENANT_JOBS", "2")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: Any) -> Result:
        get_settings.cache_clear()
        capfd.readouterr()
        exit_code = run_command([str(argument) for argument in arguments])
        return Result(exit_code, *capfd.readouterr())

    yield run
    get_settings.cache_clear()
