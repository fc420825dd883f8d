"""Detects whether a connection goes through a transaction pooler.

Migrations need a session, to which their deploy lock, search path, role and time limits belong. A
pooler that assigns server connections for single transactions loses them, or leaves them to the
next application on this server connection.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import URL

from campaigndb.database import single_use_engine

# Number of rounds. A pooler without other clients is detected in the first round. With others it
# may assign the same server connection again by chance.
_ROUNDS = 5
_ROUNDS_BEHIND_SOMETHING = 30
_SERVER_PROCESS = text("select pg_backend_pid()")


def leads_to_transaction_pooler(url: URL) -> bool:
    """Whether the address leads to a transaction pooler."""
    # A pooler must answer the question, and not fail on a prepared statement.
    options = {"prepare_threshold": None}
    engine = single_use_engine(url, isolation_level="AUTOCOMMIT", connect_args=options)
    with engine.connect() as connection:
        return is_transaction_pooled(connection, engine)


def is_transaction_pooled(connection: Connection, engine: Engine) -> bool:
    """Whether `connection`, in autocommit mode, shares its server connection with others.

    `engine` opens a second connection. Without a pooler, each of the two keeps its own server
    process. Behind a transaction pooler, the second one's transaction gets the server connection
    that the first one is not using, or the first one gets another one next.
    """
    own = _server_process(connection)
    # A pooler announces its own process number, to identify the queries to cancel.
    driver_connection: Any = connection.connection.driver_connection
    announced = driver_connection.info.backend_pid
    with engine.connect() as other:
        other.execution_options(isolation_level="READ COMMITTED")
        for _ in range(_ROUNDS if announced == own else _ROUNDS_BEHIND_SOMETHING):
            with other.begin():
                # This query comes first: if the pooler has one server connection, the next query
                # would wait for the end of this transaction.
                if _server_process(other) == own or _server_process(connection) != own:
                    return True
            # Twice, in case the pooler assigns server connections in turn.
            if any(_server_process(connection) != own for _ in range(2)):
                return True
    return False


def _server_process(connection: Connection) -> int:
    return int(connection.execute(_SERVER_PROCESS).scalar_one())
