"""A database and roles of a test's own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import NullPool, create_engine
from sqlalchemy.engine import URL

from campaigndb import CampaignStore
from campaigndb.embedded_server import temporary_server
from campaigndb.settings import Settings
from tests.migrations.catalog import connect
from tests.migrations.databases import PASSWORD, new_database, new_role

BROWSERS = ("anon", "authenticated")
# Supabase lets its API know of every change this way.
EVENT_TRIGGER = """
    create schema extensions;
    create schema auth;
    create table auth.users (id uuid primary key, email text);
    create extension citext schema extensions;
    create function extensions.tell_api() returns event_trigger language plpgsql as
    $$ begin perform pg_notify('pgrst', 'reload schema'); end $$;
    create event trigger tell_api on ddl_command_end execute function extensions.tell_api();
    create event trigger tell_api_of_drops on sql_drop execute function extensions.tell_api();
    grant usage on schema public, extensions to anon, authenticated, service_role;
"""


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


@pytest.fixture(scope="session")
def supabase_server() -> Iterator[URL]:
    """A server of its own: the platform's roles are the whole server's."""
    with temporary_server(Settings(_env_file=None)) as server:
        with connect(server.url) as connection:
            for role in (*BROWSERS, "service_role"):
                bypass = "bypassrls" if role == "service_role" else ""
                connection.execute(
                    f"create role {role} login {bypass} password '{PASSWORD}'".encode()
                )
        yield server.url


@pytest.fixture
def supabase_database(supabase_server: URL) -> Iterator[URL]:
    """As the platform hands it out: its default privileges open everything to all three roles."""
    with new_database(supabase_server) as url:
        with connect(url) as connection:
            for kind in ("tables", "functions", "sequences"):
                connection.execute(
                    "alter default privileges in schema public"
                    f" grant all on {kind} to anon, authenticated, service_role".encode()
                )
            connection.execute(EVENT_TRIGGER)
        yield url
