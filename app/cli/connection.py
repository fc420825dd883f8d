"""The database that the commands work on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL

from app.database import database_url
from app.settings import Settings, get_settings

CONNECT_TIMEOUT_SECONDS = 10


@contextmanager
def connected(settings: Settings | None = None) -> Iterator[Engine]:
    """An engine that is closed afterwards. Without `DATABASE_URL`: on the embedded server.

    Nothing is set on its connections, which may be a transaction pooler's: what runs on it names
    the schema, and the role keeps its own time limits.
    """
    settings = settings or get_settings()
    url = database_url(settings)
    # A prepared statement stays with a pooler's server connection, and no command repeats one so
    # often that it would gain by it.
    arguments: dict[str, Any] = {
        "fallback_application_name": "campaigndb",
        "prepare_threshold": None,
    }
    if "connect_timeout" not in url.query:
        arguments["connect_timeout"] = CONNECT_TIMEOUT_SECONDS
    engine = create_engine(url, connect_args=arguments)
    try:
        yield engine
    finally:
        engine.dispose()


def without_password(url: URL) -> str:
    """The address for showing it."""
    shown = URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    return shown.render_as_string()
