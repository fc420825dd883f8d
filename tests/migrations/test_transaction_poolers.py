"""A transaction pooler is recognised and refused for migrations; a session pooler will do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import NullPool, create_engine
from sqlalchemy.engine import URL

from campaigndb.migrations.commands import upgrade
from campaigndb.migrations.pooler import is_transaction_pooled
from campaigndb.settings import Settings
from tests.faults.pooler import PROGRAM, pgbouncer
from tests.faults.workers import without_encryption
from tests.migrations.catalog import connect, names
from tests.migrations.programs import Alembic

needs_pgbouncer = pytest.mark.skipif(
    PROGRAM is None, reason="the program pgbouncer is not installed"
)
BUSY_CLIENTS = 6


@contextmanager
def others_at_work(database: URL) -> Iterator[None]:
    """Clients with one short transaction after the other."""
    end = threading.Event()

    def work() -> None:
        with connect(database, prepare_threshold=None) as connection:
            while not end.wait(0.002):
                connection.execute("select")

    threads = [threading.Thread(target=work) for _ in range(BUSY_CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        end.set()
        for thread in threads:
            thread.join()


def recognised(database: URL) -> bool:
    engine = create_engine(
        database,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={"prepare_threshold": None},
    )
    with engine.connect() as connection:
        return is_transaction_pooled(connection, engine)


@needs_pgbouncer
def test_migrations_through_a_transaction_pooler_are_refused(
    alembic: Alembic, empty_database: URL
) -> None:
    with pgbouncer(empty_database, pool_size=3) as port:
        pooled = without_encryption(empty_database, port)
        for command in (["upgrade", "head"], ["current"]):
            refused = alembic(*command, url=pooled)
            assert refused.returncode != 0
            (line,) = [line for line in refused.stdout.splitlines() if line.strip()]
            assert f"DATABASE_URL (127.0.0.1:{port}) leads to a transaction pooler" in line
            assert "give it the server's own address, or a session pooler's" in line
            assert "Traceback" not in refused.stderr
        with connect(pooled) as connection:
            # Nothing stays with a server connection that the application gets next.
            (path,) = connection.execute("show search_path").fetchone() or ()
            assert path == '"$user", public'
            locks = connection.execute(
                "select from pg_locks join pg_database on pg_database.oid = database"
                " where locktype = 'advisory' and datname = current_database()"
            ).fetchall()
            assert locks == []
    assert names(empty_database) == set()


@needs_pgbouncer
def test_a_session_pooler_will_do(empty_database: URL) -> None:
    with pgbouncer(empty_database, pool_size=3, pool_mode="session") as port:
        upgrade(without_encryption(empty_database, port), settings=Settings(_env_file=None))
    assert "track_campaign_cost" in names(empty_database)


@needs_pgbouncer
@pytest.mark.parametrize("pool_size", [1, 2, 20])
@pytest.mark.parametrize("round_robin", [False, True])
def test_a_transaction_pooler_is_recognised_each_time(
    empty_database: URL, pool_size: int, round_robin: bool
) -> None:
    with pgbouncer(empty_database, pool_size=pool_size, round_robin=round_robin) as port:
        pooled = without_encryption(empty_database, port)
        assert all(recognised(pooled) for _ in range(5))
        with others_at_work(pooled):
            assert all(recognised(pooled) for _ in range(20))
        # Its other server connections are idle now.
        assert all(recognised(pooled) for _ in range(5))


def test_a_server_is_never_taken_for_a_pooler(empty_database: URL) -> None:
    with others_at_work(empty_database):
        assert not any(recognised(empty_database) for _ in range(10))
