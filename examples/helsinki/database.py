"""The demo's own database and roles on the embedded server: the developer's stay untouched."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import Connection, sql
from sqlalchemy.engine import URL

from campaigndb.migrations.commands import upgrade
from campaigndb.settings import Settings
from examples.helsinki.errors import DemoError

DATABASE = "campaigndb_demo"
OWNER_ROLE = "campaigndb_demo_owner"
APP_ROLE = "campaigndb_demo_app"
# Any number that nothing else on the server locks.
_ADVISORY_LOCK = 0x64656D6F


@dataclass(frozen=True)
class DemoDatabase:
    """Where it is: `admin_url` sees everything, `app_url` may execute the functions only."""

    admin_url: URL
    app_url: URL = field(repr=False)
    settings: Settings


@contextmanager
def demo_database(server_url: URL, *, keep: bool) -> Iterator[DemoDatabase]:
    """A new, migrated database in place of any earlier one; dropped afterwards unless kept.

    Raises:
        DemoError: another demo is at work on this server.
    """
    password = secrets.token_urlsafe(24)
    plain = server_url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        # Held as long as this connection lives.
        row = connection.execute("select pg_try_advisory_lock(%s)", [_ADVISORY_LOCK]).fetchone()
        if row != (True,):
            raise DemoError("another demo is running on this server: wait until it has ended")
        _drop_database(connection)
        _make_role(connection, OWNER_ROLE, sql.SQL("nologin"))
        _make_role(connection, APP_ROLE, sql.SQL("login password {}").format(sql.Literal(password)))
        connection.execute(
            sql.SQL("create database {} owner {}").format(
                sql.Identifier(DATABASE), sql.Identifier(OWNER_ROLE)
            )
        )
        try:
            admin_url = server_url.set(database=DATABASE)
            settings = Settings(
                _env_file=None,
                database_url=None,
                schema_name="public",
                owner_role=OWNER_ROLE,
                app_role=APP_ROLE,
            )
            upgrade(admin_url, settings=settings)
            yield DemoDatabase(
                admin_url, admin_url.set(username=APP_ROLE, password=password), settings
            )
        except BaseException:
            # Where the server itself is gone, that is not the reason to name.
            with suppress(psycopg.OperationalError):
                _tidy_up(connection, keep)
            raise
        _tidy_up(connection, keep)


def _tidy_up(connection: Connection[Any], keep: bool) -> None:
    if keep:
        return
    _drop_database(connection)
    for role in (APP_ROLE, OWNER_ROLE):
        connection.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(role)))


def _drop_database(connection: Connection[Any]) -> None:
    # By force: processes of a demo that was killed may still be connected.
    connection.execute(
        sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(DATABASE))
    )


def _make_role(connection: Connection[Any], role: str, options: sql.Composable) -> None:
    exists = connection.execute("select from pg_roles where rolname = %s", [role]).fetchone()
    verb = sql.SQL("create role" if exists is None else "alter role")
    connection.execute(sql.SQL(" ").join([verb, sql.Identifier(role), options]))
