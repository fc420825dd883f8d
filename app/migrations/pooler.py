"""Tells a transaction pooler from a connection that is a session of its own.

Migrations need a session: their deploy lock, search path, role and time limits belong to one. A
pooler that gives a server connection for a transaction only loses them, or worse, leaves them to
the next application that gets this server connection.
"""

from __future__ import annotations

from sqlalchemy import Connection, Engine, text

# An idle pooler shows itself in the first round. A busy one may hand out other server connections
# than expected, but seldom the same one many times.
_ROUNDS = 5
_SERVER_PROCESS = text("select pg_backend_pid()")


def is_transaction_pooled(connection: Connection, engine: Engine) -> bool:
    """Whether `connection`, in autocommit mode, shares its server connection with others.

    `engine` makes a second connection beside it. While both are open, sessions of their own have
    one server process each. Behind a transaction pooler the second one's transaction gets the
    server connection that the first one is not using, or keeps it from the first one's next.
    """
    with engine.connect() as other:
        other.execution_options(isolation_level="READ COMMITTED")
        for _ in range(_ROUNDS):
            before = _server_process(connection)
            with other.begin():
                # Asked first: where the pooler has one server connection, the next question
                # would wait for the end of this transaction.
                if _server_process(other) == before or _server_process(connection) != before:
                    return True
    return False


def _server_process(connection: Connection) -> int:
    return int(connection.execute(_SERVER_PROCESS).scalar_one())
