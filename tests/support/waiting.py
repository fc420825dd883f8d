"""Two sessions in a known order: one goes on only when the other one waits for its lock."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import Connection, Engine, text

_BLOCKED = text("""
    select count(*)
    from pg_stat_activity
    where datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0
""")


def blocked(connection: Connection) -> int:
    """How many sessions of the database wait for locks of others."""
    return int(connection.execute(_BLOCKED).scalar_one())


def wait_until_blocked(engine: Engine, sessions: int = 1, timeout: float = 20.0) -> None:
    """Returns once that many sessions of the database wait for locks of others."""
    end = time.monotonic() + timeout
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        while blocked(connection) < sessions:
            assert time.monotonic() < end, f"{sessions} sessions never came to wait"
            time.sleep(0.005)


def wait_until(holds: Callable[[], object], timeout: float = 20.0) -> None:
    """Returns once `holds` does, which is asked again and again."""
    end = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.02)
