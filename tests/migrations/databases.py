"""Databases and roles of a test's own, gone afterwards."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.sql import SQL, Identifier
from sqlalchemy.engine import URL

from tests.migrations.catalog import connect

PASSWORD = "of-a-throw-away-server"


@contextmanager
def new_database(server: URL, template: str | None = None) -> Iterator[URL]:
    """An empty database, or a copy of one that nobody is connected to."""
    name = f"migration_{uuid.uuid4().hex}"
    with connect(server) as connection:
        connection.execute(
            SQL("create database {} template {}").format(
                Identifier(name), Identifier(template or "template1")
            )
        )
        try:
            yield server.set(database=name)
        finally:
            connection.execute(SQL("drop database {} with (force)").format(Identifier(name)))


@contextmanager
def new_role(server: URL, name: str, options: str = "login") -> Iterator[str]:
    """A role; its databases have to be gone before it goes."""
    with connect(server) as connection:
        connection.execute(
            SQL("create role {} password {} " + options).format(Identifier(name), PASSWORD)
        )
        try:
            yield name
        finally:
            connection.execute(SQL("drop role {}").format(Identifier(name)))
