"""A database that tests share, one after the other: emptied between them, and replaced once a test
has changed more than rows.
"""

from __future__ import annotations

import uuid
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL

from campaigndb.tables import metadata

# Deleted rows stay in the files: beyond this many bytes a new database is cheaper.
MOST_BYTES = 2**21
# Of every catalog: how many rows there are, and which transactions wrote them. Statistics of tables
# belong to it, as plans would follow the rows of an earlier test.
CATALOGS = (
    *("pg_attribute", "pg_class", "pg_constraint", "pg_default_acl", "pg_description"),
    *("pg_extension", "pg_index", "pg_namespace", "pg_policy", "pg_proc", "pg_publication"),
    *("pg_rewrite", "pg_statistic", "pg_trigger", "pg_type", "pg_db_role_setting", "pg_database"),
)
FINGERPRINT = " union all ".join(
    f"select '{catalog}', count(*), sum(catalog.xmin::text::bigint) from {catalog} as catalog"
    + (" where datname = current_database()" if catalog == "pg_database" else "")
    for catalog in CATALOGS
)
SIZE = "select sum(pg_relation_size(oid)) from pg_class where relnamespace = 'public'::regnamespace"
OTHERS = """
    select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
"""
# An empty table has no file worth a look: most tests fill a few.
FILLED = """
    select relname from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' and pg_relation_size(oid) > 0
      and relname = any (%s)
"""
TABLES = [table.name for table in metadata.sorted_tables]


class SharedDatabase:
    """Clones of the template, one at a time."""

    def __init__(self, maintenance: URL, template: str) -> None:
        self._maintenance = maintenance
        self._template = template
        self._url: URL | None = None
        # Kept open: a new session would read all of the catalogs anew.
        self._connection: psycopg.Connection | None = None
        self._fingerprint: list[Any] = []
        self._size = 0

    def empty(self) -> URL:
        """The database, with no row in it; a new one where the last test changed its schema."""
        if self._url is None or not self._emptied():
            self.drop()
            name = f"shared_{uuid.uuid4().hex}"
            self._url = self._maintenance.set(database=name, query={})
            self._execute("create database {} template {}", self._url.database, self._template)
            self._connection = _connect(self._url)
            # Without triggers and checks of foreign keys: everything goes.
            self._connection.execute("set session_replication_role to replica")
            self._fingerprint = self._connection.execute(FINGERPRINT).fetchall()
            self._size = _size(self._connection)
        return self._url

    def drop(self) -> None:
        """Drops the database, where there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._url is not None:
            self._execute("drop database if exists {} with (force)", self._url.database)
            self._url = None

    def _emptied(self) -> bool:
        connection = self._connection
        if connection is None:
            return False
        try:
            connection.execute(OTHERS)  # what a test left open must lock nothing
            if connection.execute(FINGERPRINT).fetchall() != self._fingerprint:
                return False
            for (name,) in connection.execute(FILLED, [TABLES]).fetchall():
                connection.execute(sql.SQL("delete from {}").format(sql.Identifier(name)))
            return _size(connection) <= self._size + MOST_BYTES
        except psycopg.Error:
            return False

    def _execute(self, statement: str, *names: str | None) -> None:
        with _connect(self._maintenance) as connection:
            identifiers = [sql.Identifier(name or "") for name in names]
            connection.execute(sql.SQL(statement).format(*identifiers))  # type: ignore[arg-type]


def _connect(url: URL) -> psycopg.Connection:
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(address, autocommit=True)


def _size(connection: psycopg.Connection) -> int:
    [size] = connection.execute(SIZE).fetchone() or [0]
    return int(size)
