"""Allows one deploy of a schema at a time, even before the schema has a table to lock."""

from __future__ import annotations

import logging
import os
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic.util import CommandError
from sqlalchemy import Connection, Engine, TextClause, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from campaigndb.database import single_use_engine
from campaigndb.migrations.pooler import is_transaction_pooled
from campaigndb.settings import Settings

logger = logging.getLogger("alembic.env")

# Held by the deploy from before it reads the database to its end.
_DEPLOY = "campaigndb migration"
# Held by the session that changes the schema. The server may continue a killed deploy's statement
# for a while, when the deploy's own lock is already released.
_WORK = "campaigndb migration at work"

_LONGEST_PAUSE_SECONDS = 0.3
_SECONDS_BETWEEN_MESSAGES = 5.0

_TAKE = text("select pg_try_advisory_lock(hashtext(:lock), hashtext(:schema))")
_TAKE_FOR_TRANSACTION = text("select pg_try_advisory_xact_lock(hashtext(:lock), hashtext(:schema))")
_HOLDER = text("""
    select holder.pid, holder.usename, holder.application_name,
      extract(epoch from clock_timestamp() - holder.backend_start)::int as seconds
    from pg_locks as held
    join pg_stat_activity as holder using (pid)
    where held.locktype = 'advisory' and held.granted and held.objsubid = 2
      and held.database = (select oid from pg_database where datname = current_database())
      and held.classid = hashtext(:lock)::oid and held.objid = hashtext(:schema)::oid
""")
# The oldest blocking transaction; the others may only be ahead in the queue.
_BLOCKER = text("""
    select blocker.pid, blocker.usename,
      coalesce(nullif(blocker.application_name, ''), nullif(blocker.backend_type, 'client backend'))
        as application_name,
      extract(epoch from clock_timestamp() - blocker.xact_start)::int as seconds
    from pg_stat_activity as waiting
    cross join unnest(pg_blocking_pids(waiting.pid)) as blocking (pid)
    join pg_stat_activity as blocker on blocker.pid = blocking.pid
    where waiting.pid = :pid and waiting.wait_event_type = 'Lock'
    order by blocker.xact_start
    limit 1
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
    """The deploy's lock, on its own connection and outside of any transaction.

    CREATE INDEX CONCURRENTLY would wait forever for an open snapshot. A lock on the migration's
    connection would start a transaction before Alembic does.
    """

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._connection = connection
        self._settings = settings
        self._one_at_a_time = threading.Lock()
        self._blocker: str | None = None

    def take(self) -> None:
        """Waits for the deploy lock and takes it."""
        _take(self._connection, _DEPLOY, self._settings)

    def take_for_work(self, connection: Connection) -> None:
        """Waits until a killed deploy's statement ends; `connection` is the migration's."""
        level = connection.default_isolation_level
        connection.execution_options(isolation_level="AUTOCOMMIT")
        _take(connection, _WORK, self._settings)
        connection.rollback()  # ends SQLAlchemy's transaction; the server has none
        connection.execution_options(isolation_level=level)

    def check(self) -> None:
        """Checks before a revision's commit that the lock was not lost."""
        try:
            with self._one_at_a_time:
                self._connection.execute(text("select"))
        except DBAPIError as error:
            raise CommandError(
                "the connection that holds the deploy lock was lost, the revision was rolled back:"
                " run the command again"
            ) from error

    @contextmanager
    def watching(self, connection: Connection) -> Iterator[None]:
        """Watches who holds a table lock for which the migration's `connection` waits.

        After the wait has failed, the server can no longer tell.
        """
        (pid,) = connection.exec_driver_sql("select pg_backend_pid()").one()
        connection.rollback()
        self._blocker = None
        limit = self._settings.migration_lock_timeout or 1.0
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(min(max(limit / 4, 0.02), 1.0)):
                try:
                    with self._one_at_a_time:
                        found = self._connection.execute(_BLOCKER, {"pid": pid}).first()
                except DBAPIError:
                    return  # `check` reports it
                if found is not None:
                    self._blocker = _program(found, f"its transaction {found.seconds} s old")

        thread = threading.Thread(target=watch, name="campaigndb lock watcher", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def take_blocker(self) -> str | None:
        """Who held the last lock that was waited for, since the previous call."""
        blocker, self._blocker = self._blocker, None
        return blocker


@contextmanager
def own_session(target: URL | Engine, settings: Settings) -> Iterator[DeployLock]:
    """A connection for the deploy lock; the lock is not taken yet.

    Raises:
        CommandError: the address leads to a transaction pooler.
    """
    engine = single_use_engine(target, isolation_level="AUTOCOMMIT")

    # A pooler must answer the query below, and not fail on a prepared statement.
    @event.listens_for(engine, "connect")
    def prepare_nothing(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.prepare_threshold = None

    with engine.connect() as connection:
        # Before anything is set or locked, which would stay on the pooler's server connection.
        if is_transaction_pooled(connection, engine):
            url = engine.url
            raise CommandError(
                f"DATABASE_URL ({url.host}:{url.port}) leads to a transaction pooler, and a"
                " migration needs a session of its own: give it the server's own address, or a"
                " session pooler's; nothing was changed"
            )
        application_name = f"campaigndb migration, process {os.getpid()} on {socket.gethostname()}"
        connection.execute(_PREPARE_SESSION, {"application_name": application_name[:63]})
        yield DeployLock(connection, settings)


def take_in_transaction(connection: Connection, settings: Settings) -> None:
    """Takes the same locks until the end of a caller's transaction."""
    for lock in (_DEPLOY, _WORK):
        _take(connection, lock, settings, _TAKE_FOR_TRANSACTION)


def _take(connection: Connection, lock: str, settings: Settings, take: TextClause = _TAKE) -> None:
    """Takes a lock by polling.

    A statement that waits in the server has a snapshot, for which the other deploy's CREATE INDEX
    CONCURRENTLY would wait in turn.
    """
    names = {"lock": lock, "schema": settings.schema_name}
    limit = settings.migration_deploy_timeout
    started = time.monotonic()
    next_message = started
    while not connection.execute(take, names).scalar_one():
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
    return f"by {_program(holder, f'for {holder.seconds} s')}"


def _program(session: Any, since: str) -> str:
    # The application names of other roles may be hidden.
    name = session.application_name or "a program without a name"
    return f"{name} (user {session.usename}, server process {session.pid}, {since})"
