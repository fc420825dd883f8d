"""The gates at which writers of a campaign's costs and statistics wait for their turn.

Calls that wait at a gate flush the log (WAL) by a statement after their COMMIT. A server flushes
before COMMIT releases the transaction's locks, so those who wait for a lock would also wait for the
disk, one after the other. With `synchronous_commit` off the locks are released without the disk.
The statement after it writes to the log too, and its own COMMIT flushes everything before it, for
all callers that wait at that moment. Success is reported after that. It means that the data is on
disk, and on the standbys that `synchronous_commit` requires.
"""

from __future__ import annotations

import re
import uuid
import zlib
from collections.abc import Iterable

from sqlalchemy import Connection

from campaigndb.database import quote_identifier
from campaigndb.tables.cost_gates import GATE_COUNT, cost_gates

# Longest wait at a gate and for a row, in seconds. Then the call fails with 55P03, is retried, and
# queues again. Hundreds of concurrent callers need far less.
GATE_TIMEOUT = 10.0

# For this transaction only. As a column of its query it costs less than SET LOCAL.
WITHOUT_FLUSH = "pg_catalog.set_config('synchronous_commit', 'off', true)"
# An empty message. It gives the transaction an id: only then does COMMIT wait for the disk.
FLUSH = "SELECT pg_catalog.pg_logical_emit_message(true, 'campaigndb', '')"
# Whether the role may execute `FLUSH`. By default every role may.
MAY_FLUSH = """
select bool_and(has_function_privilege(oid, 'execute'))
from pg_catalog.pg_proc
where proname = 'pg_logical_emit_message' and pronamespace = 'pg_catalog'::regnamespace
"""

# Citus sends LOCK TABLE to all nodes. Every cost would need a two-phase commit over all of them,
# and would fail while any node is down. A gate only saves retries, so it is taken on the caller's
# node alone. Without Citus the setting has no effect.
ON_THIS_NODE = "SET LOCAL citus.enable_ddl_propagation = off"

# The store's own statements need no server-side cursor, whatever the engine's options are.
UNSTREAMED = {"stream_results": False, "yield_per": None}

_REMEMBERED = "campaigndb lock_timeout"
_UNITS = {"": 0.001, "ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def gate_number(campaign_id: uuid.UUID) -> int:
    """The campaign's gate. It is a hash: campaigns that share one wait for each other."""
    # A hash of all bytes: ids made from a time and a machine have the same last bytes.
    return zlib.crc32(campaign_id.bytes) % GATE_COUNT


def seconds(lock_timeout: str) -> float:
    """Converts the setting's text, such as `10s`, to seconds."""
    number, unit = re.fullmatch(r"(\d+)(\D*)", lock_timeout).groups()  # type: ignore[union-attr]
    return int(number) * _UNITS[unit]


def lock_timeout(connection: Connection) -> float:
    """The connection's current limit, in seconds (0 = no limit).

    Unlike a query, SHOW takes no snapshot, so a gate may follow in the same transaction.
    """
    shown = connection.exec_driver_sql("SHOW lock_timeout", execution_options=UNSTREAMED)
    return seconds(shown.scalar_one())


def remembered_lock_timeout(connection: Connection) -> float:
    """`lock_timeout`, asked once for each connection to the server.

    Settings of a role, a database or the connection's options do not change while the connection
    lasts.
    """
    if _REMEMBERED not in connection.info:
        connection.info[_REMEMBERED] = lock_timeout(connection)
    timeout: float = connection.info[_REMEMBERED]
    return timeout


def gate_statements(
    schema: str,
    campaign_ids: Iterable[uuid.UUID | None],
    *,
    own_timeout: float = 0,
    on_cluster: bool = False,
) -> list[str]:
    """SQL that waits at the campaigns' gates. Must come before the transaction's first query.

    The wait is limited by `GATE_TIMEOUT`, or by the connection's own limit if that is shorter.
    Several gates are always taken in the same order. Each has its own statement, so that
    combinations of campaigns create no new statement texts. The lock mode conflicts with itself
    and with writers, which an empty table does not have.
    """
    numbers = sorted({gate_number(id_) for id_ in campaign_ids if id_ is not None})
    locks = [
        f"LOCK TABLE {quote_identifier(schema)}.{quote_identifier(cost_gates[number].name)}"
        " IN SHARE ROW EXCLUSIVE MODE"
        for number in numbers
    ]
    if not locks:
        return []
    if on_cluster:
        locks.insert(0, ON_THIS_NODE)
    if 0 < own_timeout <= GATE_TIMEOUT:
        return locks
    return [f"SET LOCAL lock_timeout = {round(GATE_TIMEOUT * 1000)}", *locks]


def wait_at_gates(
    connection: Connection, schema: str, campaign_ids: Iterable[uuid.UUID | None]
) -> None:
    """Waits at the campaigns' gates in the connection's transaction, in two round trips."""
    # Asking whether this is a cluster would be a third one.
    statements = gate_statements(
        schema, campaign_ids, own_timeout=lock_timeout(connection), on_cluster=True
    )
    if statements:
        connection.exec_driver_sql("; ".join(statements), execution_options=UNSTREAMED)
