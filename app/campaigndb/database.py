"""Connections to the project's database: their settings, and quoted names in SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, pool
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.engine import URL

_PREPARER = PGDialect().identifier_preparer  # type: ignore[no-untyped-call]


# The latest names, for processes with many tenants.
@lru_cache(maxsize=4096)
def quote_identifier(name: str) -> str:
    """`name` as a quoted identifier."""
    return str(_PREPARER.quote_identifier(name))


def without_password(url: URL) -> str:
    """The address without its password, for display."""
    where = {name: url.query[name] for name in ("host", "port", "service") if name in url.query}
    shown = URL.create("postgresql", url.username, None, url.host, url.port, url.database, where)
    return shown.render_as_string()


def single_use_engine(target: URL | Engine, **options: Any) -> Engine:
    """An engine that closes each connection after its use.

    If `target` is an engine, its connections are detached from the pool, so that settings on them
    do not reach other users.
    """
    if isinstance(target, URL):
        return create_engine(target, poolclass=pool.NullPool, **options)

    def take() -> Any:
        connection = target.raw_connection()
        connection.detach()
        return connection.dbapi_connection

    options.pop("connect_args", None)
    return create_engine(target.url, poolclass=pool.NullPool, creator=take, **options)


def on_connect(
    engine: Engine, *, search_path: str, role: str | None = None, **timeouts: float | None
) -> None:
    """Sets the role, the schema and the time limits of each new connection.

    Not for connections through a transaction pooler, which would pass the settings on to its next
    client.

    Args:
        engine: the engine of the connections.
        search_path: the schema.
        role: the role; default: the role that connects.
        timeouts: settings of the server by name (`lock_timeout`), in seconds (0 = no limit,
            None = unchanged). Settings that the server does not know are left out.
    """
    values = _values(search_path, role, timeouts)

    # Before the dialect reads the current schema, which it does only once.
    @event.listens_for(engine, "connect", insert=True)
    def configure(dbapi_connection: Any, _record: Any) -> None:
        autocommit = dbapi_connection.autocommit
        dbapi_connection.autocommit = True
        try:
            with dbapi_connection.cursor() as cursor:
                cursor.execute(_SET, _parameters(values, is_local=False))
        finally:
            dbapi_connection.autocommit = autocommit


def on_begin(
    engine: Engine, *, search_path: str, role: str | None = None, **timeouts: float | None
) -> None:
    """Sets the same as `on_connect` for each transaction, until it ends.

    The connections may be a transaction pooler's. Not for autocommit, which has no transactions.
    """
    values = _values(search_path, role, timeouts)

    @event.listens_for(engine, "begin")
    def configure(connection: Connection) -> None:
        connection.exec_driver_sql(_SET, _parameters(values, is_local=True))


@contextmanager
def set_for_now(
    connection: Connection, *, search_path: str, role: str | None = None, **timeouts: float | None
) -> Iterator[None]:
    """Sets the same for the block, and restores the former settings afterwards.

    After an error the transaction's rollback restores them.
    """
    values = _values(search_path, role, timeouts)
    before = connection.exec_driver_sql(_READ, {"names": list(values)}).all()
    connection.exec_driver_sql(_SET, _parameters(values, is_local=True))
    yield
    for name, value in before:
        connection.exec_driver_sql(
            "select set_config(%(name)s, %(value)s, true)", {"name": name, "value": value}
        )


# Functions created on this connection keep this search path. Temporary objects come last, so that
# none can hide a table. The server quotes the name, so that an offline script gives functions the
# same text.
_SET = """
    select set_config(
      name,
      case name when 'search_path' then quote_ident(value) || ', pg_temp' else value end,
      %(is_local)s
    )
    from unnest(%(names)s::text[], %(values)s::text[]) as setting (name, value)
    where current_setting(name, true) is not null
"""
# Exists only on a Citus cluster, which needs it to create triggers. A trigger that accesses another
# node would be unsafe; ours access only their own schema.
_TRIGGERS = "citus.enable_unsafe_triggers"
_READ = """
    select name, current_setting(name) from unnest(%(names)s::text[]) as setting (name)
    where current_setting(name, true) is not null
"""


def _values(
    search_path: str, role: str | None, timeouts: Mapping[str, float | None]
) -> Mapping[str, str]:
    values = {"search_path": search_path, _TRIGGERS: "on"}
    for name, seconds in timeouts.items():
        if seconds is not None:
            values[name] = f"{round(seconds * 1000)}ms"
    if role is not None:
        values["role"] = role
    return values


def _parameters(values: Mapping[str, str], *, is_local: bool) -> dict[str, Any]:
    return {"is_local": is_local, "names": list(values), "values": list(values.values())}
