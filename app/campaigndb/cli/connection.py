"""The database that the commands work on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine

from campaigndb import CampaignStore
from campaigndb.embedded_server import database_url
from campaigndb.settings import Settings, get_settings

CONNECT_TIMEOUT_SECONDS = 10


@contextmanager
def connected(settings: Settings | None = None) -> Iterator[Engine]:
    """An engine that is closed afterwards. Without `DATABASE_URL` it uses the embedded server.

    The connections may be a transaction pooler's, so nothing is set on them. Callers name the
    schema, and the role keeps its own time limits.
    """
    settings = settings or get_settings()
    url = database_url(settings)
    # A prepared statement would stay on a pooler's server connection. Commands do not repeat
    # statements often enough to gain by it.
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


@contextmanager
def connected_store() -> Iterator[CampaignStore]:
    """The stored functions on `connected`."""
    with connected() as engine:
        yield CampaignStore(engine, schema=get_settings().schema_name)
