"""The stores whose calls are application code: one transaction a call, retried as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from psycopg.errors import UndefinedTable
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
from sqlalchemy.orm import Session

from app.application_path.create_campaign_with_coverage import create_campaign_with_coverage
from app.application_path.get_businesses_for_enrichment import get_businesses_for_enrichment
from app.application_path.get_businesses_for_enrichment_after import (
    get_businesses_for_enrichment_after,
)
from app.application_path.insert_businesses_batch import insert_businesses_batch
from app.application_path.track_campaign_cost import track_campaign_cost
from app.application_path.track_campaign_costs_batch import track_campaign_costs_batch
from app.application_path.update_campaign_statistics import update_campaign_statistics
from app.application_path.update_coverage_status import update_coverage_status
from app.application_path.update_email_verification import update_email_verification
from app.application_path.update_enrichment_batch import update_enrichment_batch
from app.calls import Call
from app.cost_gate import gate_statements, remembered_lock_timeout
from app.errors import from_exception, from_sqlstate
from app.retries import RetryPolicy
from app.store import ConfiguredStore
from app.stored_functions import AsyncStoredFunctions, StoredFunctions
from app.telemetry import APPLICATION, Observation
from app.transactions import run_in_transaction, run_in_transaction_async

R = TypeVar("R")

_EVERY_ROW = "SET LOCAL row_security = off"
# Each takes the open transaction and the call's parameters, less their `p_`, and answers as the
# function of its name does: with the envelope, or with rows.
_WORK: Mapping[str, Callable[..., Any]] = {
    work.__name__: work
    for work in (
        create_campaign_with_coverage,
        insert_businesses_batch,
        update_campaign_statistics,
        track_campaign_cost,
        track_campaign_costs_batch,
        update_coverage_status,
        update_enrichment_batch,
        update_email_verification,
        get_businesses_for_enrichment,
        get_businesses_for_enrichment_after,
    )
}


class ApplicationPath(ConfiguredStore, StoredFunctions):
    """`CampaignStore`'s methods, results and errors without a call of a stored function.

    Each call is one READ COMMITTED transaction, costs included: an advisory lock and the lock on
    the campaign's row put their writers in turn.

    The application role, which may execute the functions and nothing else, cannot be the engine's:
    connect as the tables' owner, or as a service role with SELECT, INSERT and UPDATE on the tables
    (the cost gates included), USAGE on their schema, and BYPASSRLS, for the tables have row
    security without a policy.

    Args:
        engine: any engine on the database with psycopg 3; its own isolation level and search
            path do not matter.
        schema: where the tables are; default: the setting `CAMPAIGNDB_SCHEMA`.
        tenant: the tenant whose schema it is, instead of `schema`.
        policies: retry policies by function name over the defaults, or one for every function.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        schema: str | None = None,
        tenant: str | None = None,
        policies: Mapping[str, RetryPolicy] | RetryPolicy | None = None,
    ) -> None:
        super().__init__(schema, tenant, policies)
        self.engine = engine
        self._engine = engine.execution_options(schema_translate_map={None: self.schema})

    def _run(self, call: Call[R]) -> R:
        with _observed(call) as observation:
            return run_in_transaction(
                self._engine,
                lambda connection: _execute(connection, call, self.schema),
                isolation_level="READ COMMITTED",
                read_only=call.function.returns_rows,
                policy=self.policy(call.function.name),
                name=call.function.name,
                observation=observation,
            )

    def bind(self, connection: Connection | Session) -> BoundApplicationPath:
        """The work inside a transaction that the caller opened and will end, as `CampaignStore`'s.

        Nothing is retried, and no call waits at a cost gate.
        """
        if isinstance(connection, Session):
            connection = connection.connection()
        return BoundApplicationPath(connection, self.schema)


class BoundApplicationPath(StoredFunctions):
    """The work inside one open transaction; made by `ApplicationPath`."""

    def __init__(self, connection: Connection, schema: str) -> None:
        self.connection = connection
        self.schema = schema

    def _run(self, call: Call[R]) -> R:
        with _observed(call, is_part=True):
            return _execute_bound(self.connection, call, self.schema)


class AsyncApplicationPath(ConfiguredStore, AsyncStoredFunctions):
    """`ApplicationPath` over SQLAlchemy's asyncio: the same methods as coroutines."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        schema: str | None = None,
        tenant: str | None = None,
        policies: Mapping[str, RetryPolicy] | RetryPolicy | None = None,
    ) -> None:
        super().__init__(schema, tenant, policies)
        self.engine = engine
        self._engine = engine.execution_options(schema_translate_map={None: self.schema})

    async def _run(self, call: Call[R]) -> R:
        with _observed(call) as observation:
            return await run_in_transaction_async(
                self._engine,
                lambda connection: connection.run_sync(_execute, call, self.schema),
                isolation_level="READ COMMITTED",
                read_only=call.function.returns_rows,
                policy=self.policy(call.function.name),
                name=call.function.name,
                observation=observation,
            )

    async def bind(self, connection: AsyncConnection | AsyncSession) -> AsyncBoundApplicationPath:
        """`ApplicationPath.bind` for an `AsyncConnection` or `AsyncSession`."""
        if isinstance(connection, AsyncSession):
            connection = await connection.connection()
        return AsyncBoundApplicationPath(connection, self.schema)


class AsyncBoundApplicationPath(AsyncStoredFunctions):
    """The work inside one open transaction; made by `AsyncApplicationPath`."""

    def __init__(self, connection: AsyncConnection, schema: str) -> None:
        self.connection = connection
        self.schema = schema

    async def _run(self, call: Call[R]) -> R:
        with _observed(call, is_part=True):
            return await self.connection.run_sync(_execute_bound, call, self.schema)


def _observed(call: Call[Any], *, is_part: bool = False) -> Observation:
    return Observation(call.function.name, call.campaign, is_part=is_part, way=APPLICATION)


def _execute(connection: Connection, call: Call[R], schema: str) -> R:
    """`_do`, behind the gates of the campaigns whose totals it writes."""
    _wait_at_cost_gates(connection, call, schema)
    return _do(connection, call)


def _execute_bound(connection: Connection, call: Call[R], schema: str) -> R:
    """`_do` on a connection that is the caller's."""
    with using_schema(connection, schema):
        return _do(connection, call)


@contextmanager
def using_schema(connection: Connection, schema: str) -> Iterator[None]:
    """Statements mean the schema's tables; afterwards the connection's options are the caller's."""
    before = connection.get_execution_options().get("schema_translate_map")
    connection.execution_options(schema_translate_map={None: schema})
    try:
        yield
    finally:
        connection.execution_options(schema_translate_map=before)


def _do(connection: Connection, call: Call[R]) -> R:
    """Does the call's work in the connection's transaction.

    Raises:
        StoredFunctionError: the work failed; the transaction is to be rolled back.
    """
    function = call.function
    parameters = {name.removeprefix("p_"): value for name, value in call.values.items()}
    try:
        answer = _WORK[function.name](connection, **parameters)
    except RecursionError:
        detail = "JSON is nested too deeply"
        raise from_sqlstate("54001", detail, function.name) from None
    except Exception as error:
        translated = from_exception(error)
        if translated is None:
            raise
        translated.function = function.name
        # The driver's exception repeats the parameters, and they may hold personal data.
        raise translated from None
    return function.read_result(answer)


def _wait_at_cost_gates(connection: Connection, call: Call[Any], schema: str) -> None:
    # The advisory lock and the row's would do for this transaction. But the functions' callers run
    # SERIALIZABLE: whoever of them begins while this transaction has the campaign would fail and be
    # tried again. Where five callers of each way write the costs of one campaign, three in ten of
    # the functions' calls did, and both together wrote a third less than with the gate.
    if not call.gated_campaigns:
        return
    own_timeout = remembered_lock_timeout(connection)
    gates = gate_statements(schema, call.gated_campaigns, own_timeout=own_timeout)
    try:
        # In the same message: a total of rows that the role does not see must fail, not be wrong.
        connection.exec_driver_sql(
            "; ".join([_EVERY_ROW, "SAVEPOINT gates", *gates, "RELEASE SAVEPOINT gates"])
        )
    except ProgrammingError as error:
        if not isinstance(error.orig, UndefinedTable):
            raise
        # The schema is older than the gates, and then no function waits at them either.
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT gates")
