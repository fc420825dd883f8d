"""The stored functions over HTTP, as Supabase serves them: `api` is the test's own database."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors, sql
from sqlalchemy.engine import URL

from tests.conftest import APP_ROLE
from tests.supabase.api_server import Api, ApiServer, running_api_server
from tests.supabase.node import node

# Stands for `anon`. The platform's own names would be the whole server's, and the migrations of
# other tests would grant to them; tests/roles has a server of its own for that.
ANON_ROLE = "campaigndb_test_anon"


@pytest.fixture(scope="session")
def api_server(server_url: URL) -> Iterator[ApiServer]:
    """One for the worker. The service key stands for the role that the migrations grant to."""
    program = node()
    with psycopg.connect(_libpq(server_url), autocommit=True) as connection:
        _make_role(connection, ANON_ROLE)
    with running_api_server(
        program, server_url, service_role=APP_ROLE, anon_role=ANON_ROLE
    ) as server:
        yield server


@pytest.fixture
def api(api_server: ApiServer, database_url: URL) -> Iterator[Api]:
    """The API of this test's database: `api.url`, `api.service_key`, `api.anon_key`."""
    with api_server.serve(database_url) as served:
        yield served


def _libpq(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _make_role(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    # Another worker may make it at the same moment.
    with contextlib.suppress(errors.DuplicateObject, errors.UniqueViolation):
        connection.execute(sql.SQL("create role {}").format(sql.Identifier(name)))
