"""Which gate a campaign's cost and statistics writers take, and how (see app/tables/cost_gates)."""

from __future__ import annotations

import re
import uuid
import zlib
from collections.abc import Iterable

from sqlalchemy import Connection

from app.identifiers import quote_identifier
from app.tables.cost_gates import GATE_COUNT, cost_gates

# Longest wait at a gate and for a row, in seconds; then the call fails with 55P03, is retried, and
# queues again. Far above what a crowd of hundreds needs.
GATE_TIMEOUT = 10.0

_UNITS = {"": 0.001, "ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_REMEMBERED = "campaigndb lock_timeout"


def gate_number(campaign_id: uuid.UUID) -> int:
    """The campaign's gate. Only a hash: two campaigns at one gate wait, but stay correct."""
    # Of all bytes: ids that are made from a time and a machine end alike.
    return zlib.crc32(campaign_id.bytes) % GATE_COUNT


def lock_timeout(connection: Connection) -> float:
    """The limit that the connection has at this moment, in seconds; 0: none.

    Unlike a query, SHOW takes no snapshot: it may come before the gate in the same transaction.
    """
    return seconds(connection.exec_driver_sql("SHOW lock_timeout").scalar_one())


def seconds(lock_timeout: str) -> float:
    """The setting's text, such as `10s`, as a number."""
    number, unit = re.fullmatch(r"(\d+)(\D*)", lock_timeout).groups()  # type: ignore[union-attr]
    return int(number) * _UNITS[unit]


def remembered_lock_timeout(connection: Connection) -> float:
    """`lock_timeout` as it was when it was first asked for on this connection to the server."""
    # SET knows no minimum and a query before LOCK TABLE would take the snapshot, so a message
    # cannot keep a shorter limit by itself. What a role, a database or an option of the connection
    # set stays as it is while the connection lasts, also behind a transaction pooler: asking once
    # a connection is enough, and each message after that stays one round trip.
    info = connection.info
    if _REMEMBERED not in info:
        info[_REMEMBERED] = lock_timeout(connection)
    timeout: float = info[_REMEMBERED]
    return timeout


def gate_statements(
    schema: str,
    campaign_ids: Iterable[uuid.UUID | None],
    *,
    own_timeout: float = 0,
) -> list[str]:
    """SQL that waits at the campaigns' gates; must come before the transaction's first query.

    The wait is bounded by `GATE_TIMEOUT`, or by the connection's own limit where that is shorter.
    Several gates are always taken in the same order. The mode excludes itself and writers, of
    which an empty table has none.
    """
    numbers = sorted({gate_number(id_) for id_ in campaign_ids if id_ is not None})
    if not numbers:
        return []
    names = ", ".join(
        f"{quote_identifier(schema)}.{quote_identifier(cost_gates[number].name)}"
        for number in numbers
    )
    lock = f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE"
    if 0 < own_timeout <= GATE_TIMEOUT:
        return [lock]
    return [f"SET LOCAL lock_timeout = {round(GATE_TIMEOUT * 1000)}", lock]
