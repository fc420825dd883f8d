"""The project's database: where it is, and what a connection or a transaction on it starts with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL

from app.settings import Settings, get_settings, sqlalchemy_url


def database_url(settings: Settings | None = None) -> URL:
    """`DATABASE_URL` where it is set, else the embedded server, started if need be."""
    settings = settings or get_settings()
    if settings.database_url is not None:
        return sqlalchemy_url(settings.database_url.get_secret_value())
    from app.embedded_server import ensure_running  # only where it is needed: it reads the wheel

    return ensure_running(settings)


def on_connect(
    engine: Engine,
    *,
    search_path: str,
    role: str | None = None,
    lock_timeout: float | None = None,
    statement_timeout: float | None = None,
) -> None:
    """Gives each new connection its role, its schema and its time limits, until it is closed.

    For connections that are sessions of their own: a transaction pooler would pass all of it on to
    its next client.

    Args:
        engine: whose connections they are.
        search_path: the schema.
        role: default: the one that connects.
        lock_timeout, statement_timeout: in seconds; 0: no limit; None: as the server, the database
            or the role has it.
    """
    values = _values(search_path, role, lock_timeout, statement_timeout)

    # Before the dialect asks for the current schema, which it does once and remembers.
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
    engine: Engine,
    *,
    search_path: str,
    role: str | None = None,
    lock_timeout: float | None = None,
    statement_timeout: float | None = None,
) -> None:
    """Gives the same as `on_connect` to each transaction, and to nothing after its end.

    So the connections may be a transaction pooler's. Not for autocommit, which has no transactions.
    """
    values = _values(search_path, role, lock_timeout, statement_timeout)

    @event.listens_for(engine, "begin")
    def configure(connection: Connection) -> None:
        connection.exec_driver_sql(_SET, _parameters(values, is_local=True))


# Functions created on this connection keep this search path: temporary objects come last, so that
# nobody can put one in front of a table. The server quotes the name, so that an offline script
# gives a function the same text.
_SET = """
    select set_config(
      name,
      case name when 'search_path' then quote_ident(value) || ', pg_temp' else value end,
      %(is_local)s
    )
    from unnest(%(names)s::text[], %(values)s::text[]) as setting (name, value)
"""


def _values(
    search_path: str,
    role: str | None,
    lock_timeout: float | None,
    statement_timeout: float | None,
) -> Mapping[str, str]:
    values = {"search_path": search_path}
    for name, seconds in (("lock_timeout", lock_timeout), ("statement_timeout", statement_timeout)):
        if seconds is not None:
            values[name] = f"{round(seconds * 1000)}ms"
    if role is not None:
        values["role"] = role
    return values


def _parameters(values: Mapping[str, str], *, is_local: bool) -> dict[str, Any]:
    return {"is_local": is_local, "names": list(values), "values": list(values.values())}
