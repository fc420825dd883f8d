"""One deploy of a schema at a time, also before the schema has any table to lock."""

from __future__ import annotations

import logging
import os
import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, pool, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from app.migrations.pooler import is_transaction_pooled
from app.settings import Settings

logger = logging.getLogger("alembic.env")

# Held by the deploy, from before it looks at the database to its end.
_DEPLOY = "campaigndb migration"
# Held by the session that changes the schema. The server may go on with a killed deploy's
# statement for a while, when the deploy's own lock is long gone.
_WORK = "campaigndb migration at work"

_LONGEST_PAUSE_SECONDS = 0.3
_SECONDS_BETWEEN_MESSAGES = 5.0

_TAKE = text("select pg_try_advisory_lock(hashtext(:lock), hashtext(:schema))")
_HOLDER = text("""
    select holder.pid, holder.usename, holder.application_name,
      extract(epoch from clock_timestamp() - holder.backend_start)::int as seconds
    from pg_locks as held
    join pg_stat_activity as holder using (pid)
    where held.locktype = 'advisory' and held.granted and held.objsubid = 2
      and held.database = (select oid from pg_database where datname = current_database())
      and held.classid = hashtext(:lock)::oid and held.objid = hashtext(:schema)::oid
""")
_PREPARE_SESSION = text("""
    select set_config(name, value, false)
    from (values
      ('application_name', :application_name),
      -- It is idle while the migration works, and must not be closed for it.
      ('idle_session_timeout', '0'),
      ('statement_timeout', '0')
    ) as setting (name, value)
""")


class DeployLock:
    """The deploy's lock, on a connection of its own and outside of any transaction.

    A snapshot held open would keep CREATE INDEX CONCURRENTLY waiting for ever, and a lock taken on
    the migration's connection would begin a transaction before Alembic does.
    """

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._connection = connection
        self._settings = settings

    def take(self) -> None:
        _take(self._connection, _DEPLOY, self._settings)

    def take_for_work(self, connection: Connection) -> None:
        """Waits for what a killed deploy left at work; `connection` is the migration's."""
        level = connection.default_isolation_level
        connection.execution_options(isolation_level="AUTOCOMMIT")
        _take(connection, _WORK, self._settings)
        connection.rollback()  # SQLAlchemy's, the server knows of none
        connection.execution_options(isolation_level=level)

    def check(self) -> None:
        """Before a revision's commit: whoever lost the lock may not be alone any more."""
        try:
            self._connection.execute(text("select"))
        except DBAPIError as error:
            raise CommandError(
                "the connection that holds the deploy lock was lost, the revision was rolled back:"
                " run the command again"
            ) from error


@contextmanager
def own_session(url: URL, settings: Settings) -> Iterator[DeployLock]:
    """A connection for the deploy lock; the lock is not taken yet.

    Raises:
        CommandError: the address leads to a transaction pooler.
    """
    engine = create_engine(
        url,
        poolclass=pool.NullPool,
        isolation_level="AUTOCOMMIT",
        # A pooler must answer the question below, and not fail on a prepared statement.
        connect_args={"prepare_threshold": None},
    )
    with engine.connect() as connection:
        # Before anything is set or locked, which would stay with the pooler's server connection.
        if is_transaction_pooled(connection, engine):
            raise CommandError(
                f"DATABASE_URL ({url.host}:{url.port}) leads to a transaction pooler, and a"
                " migration needs a session of its own: give it the server's own address, or a"
                " session pooler's; nothing was changed"
            )
        application_name = f"campaigndb migration, process {os.getpid()} on {socket.gethostname()}"
        connection.execute(_PREPARE_SESSION, {"application_name": application_name[:63]})
        yield DeployLock(connection, settings)


def _take(connection: Connection, lock: str, settings: Settings) -> None:
    """Takes a lock of the session, asking again and again.

    Not by waiting within the server: the waiting statement's snapshot would stop the other
    deploy's CREATE INDEX CONCURRENTLY, which would wait for it in turn.
    """
    names = {"lock": lock, "schema": settings.schema_name}
    limit = settings.migration_deploy_timeout
    started = time.monotonic()
    next_message = started
    while not connection.execute(_TAKE, names).scalar_one():
        now = time.monotonic()
        if limit and now - started >= limit:
            raise CommandError(
                f"another migration of the schema {settings.schema_name} has been running for"
                f" more than CAMPAIGNDB_MIGRATION_DEPLOY_TIMEOUT ({limit:g} s),"
                f" {_holder(connection, names)}: nothing was changed"
            )
        if now >= next_message:
            logger.warning(
                "Waiting for another migration of the schema %s, %s",
                settings.schema_name,
                _holder(connection, names),
            )
            next_message = now + _SECONDS_BETWEEN_MESSAGES
        time.sleep(random.uniform(0.05, _LONGEST_PAUSE_SECONDS))  # noqa: S311 (no secret)


def _holder(connection: Connection, names: dict[str, str]) -> str:
    holder = connection.execute(_HOLDER, names).first()
    if holder is None:
        return "which has just ended"
    # Other roles' names of applications are hidden from those who may not see them.
    name = holder.application_name or "a program without a name"
    return f"by {name} (user {holder.usename}, server process {holder.pid}, for {holder.seconds} s)"
