"""Tells a transaction pooler from a connection that is a session of its own.

Migrations need a session: their deploy lock, search path, role and time limits belong to one. A
pooler that gives a server connection for a transaction only loses them, or worse, leaves them to
the next application that gets this server connection.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, create_engine, pool, text
from sqlalchemy.engine import URL

# A pooler without other clients shows itself in the first round. With others at work it may hand
# out the same server connection again, by chance.
_ROUNDS = 5
_ROUNDS_BEHIND_SOMETHING = 30
_SERVER_PROCESS = text("select pg_backend_pid()")


def leads_to_transaction_pooler(url: URL) -> bool:
    """Whether what is set on one of its connections would stay for the pooler's next client."""
    engine = create_engine(
        url,
        poolclass=pool.NullPool,
        isolation_level="AUTOCOMMIT",
        # A pooler must answer the question, and not fail on a prepared statement.
        connect_args={"prepare_threshold": None},
    )
    with engine.connect() as connection:
        return is_transaction_pooled(connection, engine)


def is_transaction_pooled(connection: Connection, engine: Engine) -> bool:
    """Whether `connection`, in autocommit mode, shares its server connection with others.

    `engine` makes a second connection beside it. While both are open, sessions of their own have
    one server process each, always the same. Behind a transaction pooler the second one's
    transaction gets the server connection that the first one is not using, or the first one gets
    another one next.
    """
    own = _server_process(connection)
    # A pooler has to announce a number of its own, by which it knows whose query is cancelled.
    driver_connection: Any = connection.connection.driver_connection
    announced = driver_connection.info.backend_pid
    with engine.connect() as other:
        other.execution_options(isolation_level="READ COMMITTED")
        for _ in range(_ROUNDS if announced == own else _ROUNDS_BEHIND_SOMETHING):
            with other.begin():
                # Asked first: where the pooler has one server connection, the next question
                # would wait for the end of this transaction.
                if _server_process(other) == own or _server_process(connection) != own:
                    return True
            # Twice: one that gives out server connections in turn must not be in step with this.
            if any(_server_process(connection) != own for _ in range(2)):
                return True
    return False


def _server_process(connection: Connection) -> int:
    return int(connection.execute(_SERVER_PROCESS).scalar_one())
