"""Engines on the project's database: where it is, and what each connection starts with."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL

from app.settings import Settings, get_settings, sqlalchemy_url


def database_url(settings: Settings | None = None) -> URL:
    """`DATABASE_URL` where it is set, else the embedded server, started if need be."""
    settings = settings or get_settings()
    if settings.database_url is not None:
        return sqlalchemy_url(settings.database_url.get_secret_value())
    from app.embedded_server import ensure_running  # only where it is needed: it reads the wheel

    return ensure_running(settings)


def create_database_engine(settings: Settings | None = None, **options: Any) -> Engine:
    """An engine on the project's database with the project's schema in its search path."""
    settings = settings or get_settings()
    engine = create_engine(database_url(settings), **options)
    on_connect(engine, search_path=settings.schema_name)
    return engine


def on_connect(
    engine: Engine,
    *,
    search_path: str,
    role: str | None = None,
    lock_timeout: float = 0,
    statement_timeout: float = 0,
) -> None:
    """Gives each new connection its role, its schema and its time limits (seconds; 0: none)."""
    values = {
        "search_path": search_path,
        "lock_timeout": f"{round(lock_timeout * 1000)}ms",
        "statement_timeout": f"{round(statement_timeout * 1000)}ms",
    }
    if role is not None:
        values["role"] = role

    # Before the dialect asks for the current schema, which it does once and remembers.
    @event.listens_for(engine, "connect", insert=True)
    def configure(dbapi_connection: Any, _record: Any) -> None:
        autocommit = dbapi_connection.autocommit
        dbapi_connection.autocommit = True
        try:
            with dbapi_connection.cursor() as cursor:
                # Functions created on this connection keep this search path: temporary objects
                # come last, so that nobody can put one in front of a table. The server quotes the
                # name, so that an offline script gives a function the same text.
                cursor.execute(
                    """
                    select set_config(
                      name,
                      case name when 'search_path' then quote_ident(value) || ', pg_temp'
                        else value end,
                      false
                    )
                    from unnest(%s::text[], %s::text[]) as setting (name, value)
                    """,
                    [list(values), list(values.values())],
                )
        finally:
            dbapi_connection.autocommit = autocommit
