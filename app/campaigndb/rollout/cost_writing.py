"""Writes a cost for the fallback, by plain statements under an advisory lock.

Results, errors and repeated calls are the same as those of the stored function
`track_campaign_cost`. Both may write costs of one campaign at the same time.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NoReturn

from psycopg.errors import UndefinedTable
from sqlalchemy import Connection, Text, and_, bindparam, cast, func, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.exc import ProgrammingError

from campaigndb.calling.arguments import Call, prepare
from campaigndb.calling.catalogue import TRACK_CAMPAIGN_COST
from campaigndb.calling.errors import from_exception, from_sqlstate
from campaigndb.calling.gate import gate_statements, remembered_lock_timeout
from campaigndb.calling.json_codec import load_json
from campaigndb.calling.results import CostTracked
from campaigndb.calling.telemetry import APPLICATION, Observation
from campaigndb.rollout.reading import using_schema
from campaigndb.tables import api_costs, campaigns
from campaigndb.tables.campaigns import SERVICE_COST_COLUMNS
from campaigndb.tables.metadata import MONEY_SCALE, SERVICES

_INVALID, _OUT_OF_RANGE, _MISSING, _DUPLICATE = "22023", "22003", "23503", "23505"
_LARGEST_COST = 1_000_000  # USD; the ledger holds less
_LONGEST_KEY = 255
_UNIT = Decimal(1).scaleb(-MONEY_SCALE)
_EVERY_ROW = "SET LOCAL row_security = off"
[_KEY_INDEX] = [index for index in api_costs.indexes if index.unique]
_KEY_OF_ENTRY = api_costs.c.metadata["idempotency_key"].astext


def prepare_cost(*arguments: Any) -> Call[CostTracked]:
    """Prepares the call, with a key that makes it safe to repeat."""
    return prepare(TRACK_CAMPAIGN_COST, arguments, uuid.uuid4())


def observed(call: Call[Any], *, is_part: bool = False) -> Observation:
    """The call's span and metrics, served by application code."""
    return Observation(call.function.name, call.campaign, is_part=is_part, served_by=APPLICATION)


def write_bound(connection: Connection, call: Call[CostTracked], schema: str) -> CostTracked:
    """`_write` on a connection of the caller, whose options are restored."""
    with using_schema(connection, schema):
        return _write(connection, call)


def write_at_gate(connection: Connection, call: Call[CostTracked], schema: str) -> CostTracked:
    """`_write` after waiting at the campaign's gate.

    The locks would be enough for this transaction. But the function's callers are SERIALIZABLE: a
    call that starts while this transaction has locked the campaign would fail and be retried. With
    five callers of each kind on one campaign, this happened to three in ten calls.
    """
    own_timeout = remembered_lock_timeout(connection)
    gates = gate_statements(schema, call.gated_campaigns, own_timeout=own_timeout, on_cluster=True)
    try:
        # If the role cannot see all rows, this must fail instead of giving a wrong total.
        connection.exec_driver_sql(
            "; ".join([_EVERY_ROW, "SAVEPOINT gates", *gates, "RELEASE SAVEPOINT gates"])
        )
    except ProgrammingError as error:
        if not isinstance(error.orig, UndefinedTable):
            raise
        # The schema is older than the gates, so the function does not wait at them either.
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT gates")
    return _write(connection, call)


def _write(connection: Connection, call: Call[CostTracked]) -> CostTracked:
    """Writes the ledger and the totals in the connection's transaction.

    Raises:
        StoredFunctionError: nothing was written, or the transaction is to be rolled back.
    """
    try:
        return _written(connection, call.values)
    except Exception as error:
        failure = from_exception(error, call.function.name)
        if failure is None:
            raise
    # Not within the handler: the driver's exception would be its context, and repeats the
    # parameters, which may hold personal data.
    failure.function = call.function.name
    raise failure


def _written(connection: Connection, values: Mapping[str, Any]) -> CostTracked:
    campaign_id, service = values["p_campaign_id"], values["p_service"]
    amount = _checked(values)
    if campaign_id is None:
        _refuse("there is no campaign null", _MISSING)

    # Fallback writers take turns at the advisory lock. The row lock excludes all other writers of
    # the totals, including the stored functions. READ COMMITTED reads the row's latest version,
    # however long the wait was.
    connection.execute(select(func.pg_advisory_xact_lock(_advisory_key(campaign_id))))
    total = connection.execute(
        select(campaigns.c.actual_cost)
        .where(campaigns.c.id == campaign_id)
        .with_for_update(key_share=True)
    ).scalar()
    if total is None:
        _refuse(f"there is no campaign {campaign_id}", _MISSING)

    metadata = values["p_metadata"]
    entry = {
        "campaign_id": campaign_id,
        "service": service,
        "items_processed": values["p_items_processed"],
        "cost_usd": amount,
        # As text, to bypass the engine's JSON encoder.
        "metadata": cast(bindparam("metadata_json", metadata, type_=Text), JSONB),
    }
    # If the index of keys has the key already, nothing is inserted.
    cost_id = connection.execute(
        insert(api_costs)
        .values(**entry, running_total=total + amount)
        .on_conflict_do_nothing(constraint=_KEY_INDEX)
        .returning(api_costs.c.id)
    ).scalar()
    if cost_id is None:
        return _replayed(connection, entry, load_json(metadata)["idempotency_key"])
    connection.execute(
        update(campaigns)
        .where(campaigns.c.id == campaign_id)
        .values(
            {
                column: campaigns.c[column] + amount
                for column in ("actual_cost", SERVICE_COST_COLUMNS[service])
            }
        )
        .values(updated_at=func.now())
    )
    return CostTracked(
        cost_id=cost_id,
        new_total=total + amount,
        service=service,
        replayed=False,
        message="Cost tracked",
    )


def _replayed(connection: Connection, entry: Mapping[str, Any], key: str) -> CostTracked:
    """The result of the key's first call.

    Raises:
        DuplicateRecordError: the key was used with another payload.
    """
    payload = [api_costs.c[name] == value for name, value in entry.items()]
    first = connection.execute(
        select(api_costs.c.id, api_costs.c.running_total, and_(*payload).label("is_same")).where(
            api_costs.c.campaign_id == entry["campaign_id"], key == _KEY_OF_ENTRY
        )
    ).one()
    if not first.is_same:
        _refuse("p_metadata.idempotency_key was used before with another payload", _DUPLICATE)
    return CostTracked(
        cost_id=first.id,
        new_total=first.running_total,
        service=entry["service"],
        replayed=True,
        message="Cost was tracked before",
    )


def _checked(values: Mapping[str, Any]) -> Decimal:
    """Checks the parameters as the function does; returns the cost with the ledger's decimals.

    It is rounded once, before both writes. Otherwise ledger and totals could differ.

    Raises:
        InvalidInputError: the function would refuse them.
    """
    items = values["p_items_processed"]
    amount = None if values["p_cost_usd"] is None else Decimal(values["p_cost_usd"])
    if values["p_service"] not in SERVICES:
        _refuse(f"p_service is not one of {', '.join(SERVICES)}")
    if items is None or items < 0:
        _refuse("p_items_processed is missing or negative")
    if amount is None or not amount.is_finite() or amount < 0:
        _refuse("p_cost_usd is not a finite amount of 0 or more")
    # `+ 0` removes a negative zero.
    if amount >= _LARGEST_COST or (amount := amount.quantize(_UNIT, ROUND_HALF_UP) + 0) >= (
        _LARGEST_COST
    ):
        _refuse(f"p_cost_usd is {_LARGEST_COST} or more", _OUT_OF_RANGE)
    metadata = load_json(values["p_metadata"])
    if not isinstance(metadata, dict):
        _refuse("p_metadata is not a JSON object")
    key = metadata.get("idempotency_key")
    if not (isinstance(key, str) and key.strip(" \t\r\n") and len(key) <= _LONGEST_KEY):
        _refuse("p_metadata.idempotency_key is not a text of 1 to 255 characters")
    return amount


def _advisory_key(campaign_id: uuid.UUID) -> int:
    # Personalised, because other advisory locks use the same range of numbers.
    digest = hashlib.blake2b(campaign_id.bytes, digest_size=8, person=b"campaign costs")
    return int.from_bytes(digest.digest(), signed=True)


def _refuse(detail: str, code: str = _INVALID) -> NoReturn:
    raise from_sqlstate(code, detail)
