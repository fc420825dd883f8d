"""Sends a call to the server as a whole transaction in one round trip.

BEGIN, the call and COMMIT sent one after the other are three round trips, and the call holds its
locks during the last one.

- A call without a gate is *one statement* in autocommit, through SQLAlchemy, whose events and
  `echo` see it. Its values are sent apart from its text, so that statements that servers log and
  show hold no personal data.
- A call with a gate is *one message* of several statements, with the values in its text. Callers
  queue for these locks, and this is the fastest way to release them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from campaigndb.calling.arguments import Call
from campaigndb.calling.connections import (
    SessionSettings,
    forget_settings,
    in_autocommit,
    settings_of,
)
from campaigndb.calling.errors import StoredFunctionError, from_exception, outcome_unknown
from campaigndb.calling.gate import FLUSH, UNSTREAMED, WITHOUT_FLUSH, gate_statements

R = TypeVar("R")

# SQLAlchemy notices a lost connection only when one of its own statements fails. It then replaces
# the pool's other connections too: after a server restart, a retry must not get another dead one.
_LET_THE_POOL_NOTICE = "ROLLBACK"

# SQLSTATEs of a failed BEGIN, a failed COMMIT or a syntax error: nothing was written.
_NOT_COMMITTED = ("0A", "23", "40", "42601")
_OUTCOME_UNKNOWN = "40003"


def execute_alone(connection: Connection, call: Call[R], schema: str) -> R:
    """Makes the call as its own transaction, on a connection that was just checked out.

    Raises:
        StoredFunctionError: the envelope reports a failure, or the outcome is unknown.
        SQLAlchemyError, psycopg.Error: the call failed.
    """
    known = in_autocommit(connection, is_message=bool(call.gated_campaigns))
    known.campaign = call.campaign
    settings = settings_of(connection, known)
    if call.gated_campaigns:
        return call.read_envelope(_send_message(connection, call, schema, settings))
    level = call.function.isolation_level
    may_write = call.function.read_only or not settings.is_read_only
    if settings.isolation_level == level.lower() and may_write:
        return execute(connection, call, schema)
    # The session has another default: BEGIN sets the level, which takes three round trips.
    connection.execution_options(isolation_level=level, postgresql_readonly=call.function.read_only)
    with connection.begin():
        return execute(connection, call, schema)


def execute(connection: Connection, call: Call[R], schema: str) -> R:
    """Makes the call by one statement in the connection's transaction.

    Raises:
        StoredFunctionError: the envelope reports a failure.
        SQLAlchemyError: the statement failed.
    """
    statement = call.function.sql(schema, "%({})s")
    result = connection.exec_driver_sql(statement, call.values, execution_options=UNSTREAMED)
    if call.function.returns_rows:
        return call.function.read_result(result.mappings().all())
    return call.read_envelope(result.scalar_one())


def execute_bound(connection: Connection, call: Call[R], schema: str) -> R:
    """`execute` in the caller's transaction.

    Raises:
        StoredFunctionError: the function failed; nothing of the call remains.
    """
    try:
        return execute(connection, call, schema)
    except Exception as error:
        failure = from_exception(error, call.function.name)
        if failure is None:
            raise
    # Outside the handler: otherwise the driver's exception would be its context. That repeats the
    # parameters, which may hold personal data.
    raise failure


def _send_message(
    connection: Connection, call: Call[Any], schema: str, settings: SessionSettings
) -> str:
    """Sends BEGIN, the gates, the call and COMMIT as one text; returns the envelope."""
    function = call.function
    before = [
        # READ WRITE, because a role may have default_transaction_read_only.
        f"BEGIN ISOLATION LEVEL {function.isolation_level} READ WRITE",
        *gate_statements(
            schema,
            call.gated_campaigns,
            own_timeout=settings.lock_timeout,
            on_cluster=settings.on_cluster,
        ),
    ]
    query, after = function.sql(schema, "%({})s"), ["COMMIT"]
    if settings.may_flush:
        query, after = f"{query}, {WITHOUT_FLUSH}", ["COMMIT", FLUSH]
    text = "; ".join([*before, query, *after])
    driver: Any = connection.connection.driver_connection
    try:
        if isinstance(driver, psycopg.Connection):
            with psycopg.ClientCursor(driver) as cursor:
                cursor.execute(text, call.values)
                answers = _answers(cursor)
        else:
            dbapi_connection: Any = connection.connection.dbapi_connection
            answers = dbapi_connection.run_async(
                lambda driver: _send_async(driver, text, call.values)
            )
        return _envelope(answers[len(before) :])
    except psycopg.Error as error:
        unknown = _outcome_unknown(error, driver)
        if driver.closed:
            with contextlib.suppress(DBAPIError):
                connection.exec_driver_sql(_LET_THE_POOL_NOTICE)
        else:
            connection.connection.rollback()
        if unknown is None:
            raise
    # The privilege to flush may have been revoked.
    forget_settings(connection)
    raise unknown


async def _send_async(
    driver: psycopg.AsyncConnection[Any], text: str, values: Mapping[str, Any]
) -> list[psycopg.pq.abc.PGresult | None]:
    async with psycopg.AsyncClientCursor(driver) as cursor:
        await cursor.execute(text, values)
        return _answers(cursor)


def _answers(
    cursor: psycopg.ClientCursor[Any] | psycopg.AsyncClientCursor[Any],
) -> list[psycopg.pq.abc.PGresult | None]:
    """One result for each statement of the message."""
    answers = [cursor.pgresult]
    while cursor.nextset():
        answers.append(cursor.pgresult)
    return answers


def _envelope(answers: Sequence[psycopg.pq.abc.PGresult | None]) -> str:
    """The query's value. Raises InternalError if COMMIT did not follow."""
    query, committed = (*answers, None, None)[:2]
    value = query.get_value(0, 0) if query is not None else None
    if value is None or committed is None or committed.command_status != b"COMMIT":
        raise psycopg.InternalError("the transaction did not end in COMMIT")
    return value.decode()


def _outcome_unknown(error: psycopg.Error, driver: Any) -> StoredFunctionError | None:
    """The error to raise if the message's transaction may have been committed; else None."""
    code = error.sqlstate or ""
    is_over = driver.info.transaction_status == TransactionStatus.IDLE and code
    if not driver.closed and (
        # It failed within the transaction, or COMMIT itself did.
        not is_over or (code.startswith(_NOT_COMMITTED) and code != _OUTCOME_UNKNOWN)
    ):
        return None
    failure = from_exception(error)
    assert failure is not None
    return outcome_unknown(failure)
