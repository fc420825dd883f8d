"""The stored functions over HTTP, as Supabase serves them: `api` is the test's own database."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors, sql
from sqlalchemy.engine import URL

from tests.conftest import APP_ROLE
from tests.supabase.api_server import (
    ANON_KEY,
    SERVICE_KEY,
    Api,
    ApiServer,
    running_api_server,
)
from tests.supabase.node import node
from tests.supabase.postgrest import running_postgrest

# Stands for `anon`. The platform's own names would be the whole server's, and the migrations of
# other tests would grant to them; tests/roles has a server of its own for that.
ANON_ROLE = "campaigndb_test_anon"
# Stands for `authenticator`, as whom PostgREST connects, with the platform's bounds.
AUTHENTICATOR = "campaigndb_test_authenticator"
PASSWORD = "authenticator"  # of a throw-away server on loopback


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
def api(request: pytest.FixtureRequest, database_url: URL) -> Iterator[Api]:
    """The API of this test's database: `api.url`, `api.service_key`, `api.anon_key`.

    By Supabase Lite, or with `BOTH_APIS` by the stand-in for PostgREST as well. A number as the
    fixture's parameter: the stand-in, with that many rows as its most.
    """
    if getattr(request, "param", "lite") == "lite":
        server: ApiServer = request.getfixturevalue("api_server")
        with server.serve(database_url) as served:
            yield served
        return
    with psycopg.connect(_libpq(database_url), autocommit=True) as connection:
        _make_role(connection, ANON_ROLE)
        _make_login(connection)
    login = database_url.set(username=AUTHENTICATOR, password=PASSWORD)
    roles = {SERVICE_KEY: APP_ROLE, ANON_KEY: ANON_ROLE}
    most = request.param if isinstance(request.param, int) else 1000
    with running_postgrest(login, roles, max_rows=most) as address:
        yield Api(address, SERVICE_KEY, ANON_KEY, database_url)


def _libpq(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _make_role(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    # Another worker may make it at the same moment.
    with contextlib.suppress(errors.DuplicateObject, errors.UniqueViolation):
        connection.execute(sql.SQL("create role {}").format(sql.Identifier(name)))


def _make_login(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    _make_role(connection, AUTHENTICATOR)
    name = sql.Identifier(AUTHENTICATOR)
    # Two workers may change the same role at the same moment.
    with contextlib.suppress(errors.InternalError_):
        # A superuser may take any role. Memberships would be seen by the tests of drift, which
        # share the server and its roles.
        connection.execute(
            sql.SQL("alter role {} login superuser password {}").format(name, PASSWORD)
        )
        for setting in ("statement_timeout", "lock_timeout"):
            connection.execute(sql.SQL(f"alter role {{}} set {setting} to '8s'").format(name))
