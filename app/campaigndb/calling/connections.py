"""Keeps the connections of the callers' pools safe, and remembers the settings of each.

A call switches a pooled connection to autocommit and back. A listener checks the connection when it
is returned to the pool, and discards it if it is not in its former state. This works wherever an
exception was raised, also in a signal handler.

After a fork two processes share a connection and read each other's results. A child process
therefore gets new connections.
"""

from __future__ import annotations

import logging
import os
import uuid
import weakref
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine, SingletonThreadPool, StaticPool, event
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_scoped_session,
)
from sqlalchemy.orm import Session, scoped_session
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection, QueuePool

from campaigndb.calling.errors import IsolationLevelError, StoredFunctionError
from campaigndb.calling.gate import MAY_FLUSH, UNSTREAMED, seconds

logger = logging.getLogger(__name__)

# Key in a connection's `info`, which SQLAlchemy keeps as long as the server connection lasts.
_KEY = "campaigndb"
# The server's function that waits for standbys. A warning names it, whatever its language.
_WAITS_FOR_STANDBYS = "SyncRepWaitForLSN"
_ASK = (
    "select current_setting('lock_timeout'), current_setting('default_transaction_isolation'),"
    f" current_setting('default_transaction_read_only') = 'on', ({MAY_FLUSH}),"
    " current_setting('citus.version', true) is not null"
)

_guarded: weakref.WeakSet[Engine] = weakref.WeakSet()


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """Session settings that decide how a call is sent.

    Settings of a role, a database or the connection's options do not change while the connection
    lasts, not even behind a transaction pooler. It is enough to ask once for each connection.
    """

    # In seconds. The caller's own limit stays in force if it is shorter. The message that waits at
    # a gate cannot check it: SET has no minimum, and a query would take the snapshot.
    lock_timeout: float
    isolation_level: str
    is_read_only: bool
    may_flush: bool
    on_cluster: bool


class PooledConnection:
    """State of one connection to the server."""

    __slots__ = ("autocommit", "campaign", "pid", "settings")

    def __init__(self) -> None:
        self.pid = os.getpid()
        # The mode before the call that uses the connection; None while no call uses it.
        self.autocommit: bool | None = None
        # The campaign of the latest call, for warnings.
        self.campaign: uuid.UUID | None = None
        self.settings: SessionSettings | None = None

    def notice(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        """Logs that COMMIT stopped waiting for the standbys. The call succeeds nevertheless."""
        if diagnostic.source_function == _WAITS_FOR_STANDBYS:
            logger.warning(
                "committed on this server, perhaps not on the standbys: %s",
                diagnostic.message_primary,
                extra={"campaign_id": None if self.campaign is None else str(self.campaign)},
            )


def guard(engine: Engine) -> None:
    """Installs the listeners on the engine's pool."""
    if not event.contains(engine, "checkout", _check_out):
        if isinstance(engine.pool, QueuePool) and engine.pool.checkedin():
            # This process may be a fork of the one that opened these connections.
            _forget_connections(engine)
        event.listen(engine, "connect", _connect, insert=True)
        event.listen(engine, "checkout", _check_out, insert=True)
        event.listen(engine, "checkin", _check_in)
    _guarded.add(engine)


def _connect(_: Any, record: ConnectionPoolEntry) -> None:
    known = record.info[_KEY] = PooledConnection()
    driver: Any = record.driver_connection
    driver.add_notice_handler(known.notice)


def _check_out(_: Any, record: ConnectionPoolEntry, proxy: PoolProxiedConnection) -> None:
    known = record.info.get(_KEY)
    if known is not None and known.pid != os.getpid():
        # Dropped, not closed: closing it would end the session of the other process.
        record.dbapi_connection = proxy.dbapi_connection = None  # type: ignore[misc]
        raise DisconnectionError("the connection is another process's")


def _check_in(_: Any, record: ConnectionPoolEntry) -> None:
    known = record.info.get(_KEY)
    driver: Any = record.driver_connection
    if driver is None or known is None or known.autocommit is None:
        return
    if driver.info.transaction_status != TransactionStatus.IDLE:
        record.invalidate()
        return
    if driver.autocommit is not known.autocommit:
        record.dbapi_connection.autocommit = known.autocommit  # type: ignore[union-attr]
    known.autocommit = None


def _forget_connections(engine: Engine) -> None:
    # Not closed: that could end the session of another process. psycopg closes connections that
    # this process opened when the last reference to them is gone.
    engine.dispose(close=False)


def _forget_the_parents_connections() -> None:
    # Before `pool_pre_ping` can use one.
    for engine in list(_guarded):
        _forget_connections(engine)


os.register_at_fork(after_in_child=_forget_the_parents_connections)


def in_autocommit(connection: Connection, *, is_message: bool) -> PooledConnection:
    """Switches a connection that was just checked out to autocommit, until it is returned.

    `is_message`: the call bypasses SQLAlchemy, which then need not be told. That is faster.
    """
    end_listeners_transaction(connection)
    known = _known(connection)
    driver: Any = connection.connection.driver_connection
    known.autocommit = driver.autocommit
    if is_message and known.settings is not None:
        connection.connection.dbapi_connection.autocommit = True  # type: ignore[union-attr]
    else:
        connection.execution_options(isolation_level="AUTOCOMMIT", **UNSTREAMED)
    return known


def settings_of(connection: Connection, known: PooledConnection) -> SessionSettings:
    """The session's settings. A query reads them once for each connection.

    Raises:
        StoredFunctionError: the client encoding is not UTF-8.
    """
    if known.settings is None:
        refuse_other_encodings(connection)
        timeout, level, is_read_only, may_flush, on_cluster = connection.exec_driver_sql(
            _ASK, execution_options=UNSTREAMED
        ).one()
        connection.rollback()  # ends SQLAlchemy's transaction; nothing is sent
        known.settings = SessionSettings(
            seconds(timeout), level, is_read_only, bool(may_flush), on_cluster
        )
    return known.settings


def forget_settings(connection: Connection) -> None:
    """Lets the next call read the settings again."""
    _known(connection).settings = None


def end_listeners_transaction(connection: Connection) -> None:
    """Commits a transaction that a listener of the pool began on this fresh connection.

    The isolation level cannot be set within it. A SET by the listener stays in force.
    """
    # These pools share one connection, which may be in a transaction of the caller.
    if isinstance(connection.engine.pool, (StaticPool, SingletonThreadPool)):
        return
    driver: Any = connection.connection.driver_connection
    if driver.info.transaction_status == TransactionStatus.INTRANS:
        connection.connection.commit()


def refuse_other_encodings(connection: Connection) -> None:
    """Raises StoredFunctionError if the client encoding is not UTF-8."""
    driver: Any = connection.connection.driver_connection
    encoding = driver.info.encoding
    if encoding != "utf-8":
        raise StoredFunctionError(
            f"The client's encoding must be UTF8, not {encoding}", detail="client_encoding"
        )


def _known(connection: Connection) -> PooledConnection:
    known = connection.info.get(_KEY)
    if not isinstance(known, PooledConnection):
        # The engine has no store of its own, such as one whose connection a store is bound to.
        known = connection.info[_KEY] = PooledConnection()
    return known


def check_engine(engine: Any, store: str, *, is_async: bool) -> Engine:
    """The engine, or the synchronous engine of an AsyncEngine, if a store can use it.

    Raises:
        TypeError: it is not an engine, is of the other kind, or does not use psycopg 3.
    """
    wanted, other = (AsyncEngine, Engine) if is_async else (Engine, AsyncEngine)
    # The synchronous half of an AsyncEngine is an Engine too, but works only in a greenlet.
    if isinstance(engine, other) or (
        isinstance(engine, wanted) and engine.dialect.is_async is not is_async
    ):
        stores = ("CampaignStore", "AsyncCampaignStore")
        better = stores[0] if is_async else stores[1]
        raise TypeError(f"{store} takes an {wanted.__name__}; for an {other.__name__}: {better}")
    if not isinstance(engine, wanted):
        make = "create_async_engine" if is_async else "create_engine"
        raise TypeError(
            f"{store} takes an {wanted.__name__} ({make}(url)), not a {type(engine).__name__}"
        )
    _check_dialect(engine.dialect, store)
    return engine.sync_engine if isinstance(engine, AsyncEngine) else engine


def check_bindable(connection: Any, store: str, *, is_async: bool) -> None:
    """Raises TypeError if it is neither a connection nor a session of the store's kind."""
    kinds: tuple[type[Any], ...] = (Connection, Session, scoped_session)
    if is_async:
        kinds = (AsyncConnection, AsyncSession, async_scoped_session)
    if not isinstance(connection, kinds):
        raise TypeError(
            f"{store}.bind takes an open {kinds[0].__name__} or {kinds[1].__name__},"
            f" not a {type(connection).__name__}"
        )


def check_bound(connection: Connection, store: str) -> None:
    """Checks that functions can be called in the connection's transaction.

    Raises:
        TypeError: the driver is not psycopg 3.
        IsolationLevelError: the connection is in AUTOCOMMIT, so there is no transaction.
        StoredFunctionError: the connection was opened before a fork, or is not in UTF-8.
    """
    _check_dialect(connection.dialect, store)
    driver: Any = connection.connection.driver_connection
    if driver.autocommit:
        raise IsolationLevelError(
            "The connection is in AUTOCOMMIT: each call would be a transaction of its own",
            detail="open it with execution_options(isolation_level='SERIALIZABLE')",
        )
    if _known(connection).pid != os.getpid():
        raise StoredFunctionError("The connection was opened before a fork: open one after it")
    refuse_other_encodings(connection)


def _check_dialect(dialect: Dialect, store: str) -> None:
    if (
        dialect.name != "postgresql"
        or not dialect.driver.startswith("psycopg")
        or (dialect.driver.startswith("psycopg2"))
    ):
        raise TypeError(
            f"{store} needs psycopg 3 (postgresql+psycopg://…), not {dialect.name}+{dialect.driver}"
        )
