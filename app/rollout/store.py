"""The rollout stores: the interface of `CampaignStore`, each call down one of two ways."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import Session

from app.application_path import (
    ApplicationPath,
    AsyncApplicationPath,
    AsyncBoundApplicationPath,
    BoundApplicationPath,
)
from app.application_path.application_path import using_schema
from app.calls import Call, Identifier, IsolationLevel
from app.errors import StoredFunctionError
from app.retries import RetryPolicy
from app.rollout import percentages
from app.rollout.call_campaigns import campaigns_of
from app.rollout.circuit_breaker import BreakerLimits
from app.rollout.comparison import log_comparison, queue_differences
from app.rollout.percentages import Percentages
from app.rollout.router import Router, is_missing_function
from app.settings import get_settings
from app.store import AsyncBoundStore, AsyncCampaignStore, BoundStore, CampaignStore
from app.stored_functions import AsyncStoredFunctions, StoredFunctions

R = TypeVar("R")
T = TypeVar("T")

REFRESH_SECONDS = 5.0
# A call must not wait for somebody who alters the table: it can go by what is known.
_WAIT_A_SECOND = "set local statement_timeout = 1000"


class RolloutStore(StoredFunctions):
    """Sends each call to the stored functions or to the application code that they replace.

    A campaign always goes the same way while a function's percentage stays, and moves forward only
    when it is raised. Where a function does not exist, the call is answered by the application
    code; after several failures in a row a function is left alone for a while. A call that failed
    otherwise is never sent down the other way, for it may have been written.

    Args:
        functions: the new way.
        application: the old way. It looks up percentages and the campaigns of businesses.
        fixed: percentages that do not change; default: the table `gmaps_rollout_percentages`, read
            every `refresh_seconds`, over the setting `CAMPAIGNDB_ROLLOUT`.
        breaker: when a failing function is given up, and for how long.
        compare_reads: read queues both ways, answer with the old way's rows and log differences;
            default: the setting `CAMPAIGNDB_ROLLOUT_COMPARE_READS`.
    """

    def __init__(
        self,
        functions: CampaignStore,
        application: ApplicationPath,
        *,
        fixed: Percentages | None = None,
        refresh_seconds: float = REFRESH_SECONDS,
        breaker: BreakerLimits | None = None,
        compare_reads: bool | None = None,
    ) -> None:
        self.functions = functions
        self.application = application
        self._router = Router(fixed, refresh_seconds, breaker or BreakerLimits())
        self._compare_reads = _compares(compare_reads)

    def _run(self, call: Call[R]) -> R:
        if call.function.returns_rows and self._compare_reads:
            return self._read_both(call)
        given_pass = self._admit(call)
        if given_pass is None:
            return self.application._run(call)
        try:
            result = self.functions._run(call)
        except StoredFunctionError as error:
            if not self._router.failed(call, given_pass, error):
                raise
            # Not within the handler: its error would be shown as the cause of the next one.
        else:
            self._router.succeeded(call, given_pass)
            return result
        return self.application._run(call)

    def bind(self, connection: Connection | Session) -> BoundRolloutStore:
        """Both ways inside a transaction that the caller opened and will end.

        Nothing is retried, and no call goes the other way after a failure: the transaction failed.
        """
        return BoundRolloutStore(
            self,
            self.functions.bind(connection),
            self.application.bind(connection),
            reads_table=True,
        )

    def run_in_transaction(
        self,
        block: Callable[[BoundRolloutStore], T],
        *,
        isolation_level: IsolationLevel = "SERIALIZABLE",
        policy: RetryPolicy | None = None,
        cost_campaigns: Iterable[Identifier] = (),
    ) -> T:
        """`CampaignStore.run_in_transaction`, each call of the block down its way.

        It runs as the old way's role, for both may be in it; a function's calls need its leave to
        execute them. Where a function does not exist, the whole block runs again without it. The
        percentages are those from before the block; a block needs no connection but its own.
        """
        campaigns = list(cost_campaigns)
        # The same keys when the block runs again: an attempt before may have been committed.
        seed = uuid.uuid4()
        # While no connection is held: within the block there may be none left to read it.
        self._read_table_if_due(self._read)
        for missing_at_most in reversed(range(len(percentages.FUNCTION_NAMES) + 1)):
            try:
                return self.functions._run_block(
                    self.application.engine,
                    lambda bound: block(
                        BoundRolloutStore(self, bound, self.application.bind(bound.connection))
                    ),
                    seed=seed,
                    isolation_level=isolation_level,
                    policy=policy,
                    cost_campaigns=campaigns,
                )
            except StoredFunctionError as error:
                if not is_missing_function(error) or not missing_at_most:
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _admit(self, call: Call[Any]) -> int | None:
        """The pass of a call that goes to the function; None: the old way."""
        self._read_table_if_due(self._read)
        return self._admit_by_campaigns(call, self._read)

    def _read_table_if_due(self, read: Callable[..., Any]) -> None:
        if self._router.should_read_table():
            try:
                self._router.table_was_read(read(percentages.read_table))
            except SQLAlchemyError as error:
                self._router.table_was_not_read(error)

    def _admit_by_campaigns(self, call: Call[Any], read: Callable[..., Any]) -> int | None:
        route = self._router.route(call)
        if route.unknown:
            try:
                self._router.campaigns_were_read(route, read(campaigns_of, route.unknown))
            except SQLAlchemyError:
                return None  # and the old way says what is wrong
        return self._router.admit(call, route)

    def _read(self, query: Callable[..., T], *arguments: Any) -> T:
        with self.application.engine.connect() as connection:
            connection.execution_options(**_reading(self.application.schema))
            with connection.begin():
                connection.exec_driver_sql(_WAIT_A_SECOND)
                return query(connection, *arguments)

    def _read_both(self, call: Call[R]) -> R:
        answer = self.application._run(call)
        try:
            log_comparison(call, queue_differences(answer, self.functions._run(call)))
        except StoredFunctionError as error:
            log_comparison(call, [f"the function failed with {error.error_code}"])
        except Exception as error:  # noqa: BLE001 - its answer may be of any shape
            # Whatever is wrong with the new way, the old answer is the answer.
            log_comparison(call, [f"the function failed with {type(error).__name__}"])
        return answer


class BoundRolloutStore(StoredFunctions):
    """Both ways inside one open transaction; made by `RolloutStore`."""

    def __init__(
        self,
        rollout: RolloutStore,
        functions: BoundStore,
        application: BoundApplicationPath,
        *,
        reads_table: bool = False,
    ) -> None:
        self._rollout = rollout
        self._functions = functions
        self._application = application
        self._reads_table = reads_table
        self.connection = functions.connection
        self.schema = functions.schema

    def wait_at_cost_gates(self, *campaign_ids: Identifier) -> None:
        """`BoundStore.wait_at_cost_gates`."""
        self._functions.wait_at_cost_gates(*campaign_ids)

    def _run(self, call: Call[R]) -> R:
        rollout = self._rollout
        if self._reads_table:
            rollout._read_table_if_due(self._read)
        given_pass = rollout._admit_by_campaigns(call, self._read)
        if given_pass is None:
            return self._application._run(call)
        try:
            result = self._functions._run(call)
        except StoredFunctionError as error:
            rollout._router.failed_in_transaction(call, given_pass, error)
            raise
        rollout._router.succeeded(call, given_pass)
        return result

    def _read(self, query: Callable[..., T], *arguments: Any) -> T:
        return _read_within(self.connection, self._rollout.application.schema, query, *arguments)

    def _new_key(self) -> uuid.UUID:
        return self._functions._new_key()


class AsyncRolloutStore(AsyncStoredFunctions):
    """`RolloutStore` over SQLAlchemy's asyncio: the same methods as coroutines."""

    def __init__(
        self,
        functions: AsyncCampaignStore,
        application: AsyncApplicationPath,
        *,
        fixed: Percentages | None = None,
        refresh_seconds: float = REFRESH_SECONDS,
        breaker: BreakerLimits | None = None,
        compare_reads: bool | None = None,
    ) -> None:
        self.functions = functions
        self.application = application
        self._router = Router(fixed, refresh_seconds, breaker or BreakerLimits())
        self._compare_reads = _compares(compare_reads)

    async def _run(self, call: Call[R]) -> R:
        if call.function.returns_rows and self._compare_reads:
            return await self._read_both(call)
        given_pass = await self._admit(call)
        if given_pass is None:
            return await self.application._run(call)
        try:
            result = await self.functions._run(call)
        except StoredFunctionError as error:
            if not self._router.failed(call, given_pass, error):
                raise
        else:
            self._router.succeeded(call, given_pass)
            return result
        return await self.application._run(call)

    async def bind(self, connection: AsyncConnection | AsyncSession) -> AsyncBoundRolloutStore:
        """`RolloutStore.bind` for an `AsyncConnection` or `AsyncSession`."""
        bound = await self.functions.bind(connection)
        application = await self.application.bind(connection)
        return AsyncBoundRolloutStore(self, bound, application, reads_table=True)

    async def run_in_transaction(
        self,
        block: Callable[[AsyncBoundRolloutStore], Awaitable[T]],
        *,
        isolation_level: IsolationLevel = "SERIALIZABLE",
        policy: RetryPolicy | None = None,
        cost_campaigns: Iterable[Identifier] = (),
    ) -> T:
        """`RolloutStore.run_in_transaction` for a block that is a coroutine function."""
        campaigns = list(cost_campaigns)
        # The same keys when the block runs again: an attempt before may have been committed.
        seed = uuid.uuid4()

        async def rollout_block(bound: AsyncBoundStore) -> T:
            application = await self.application.bind(bound.connection)
            return await block(AsyncBoundRolloutStore(self, bound, application))

        await self._read_table_if_due(self._read)
        for missing_at_most in reversed(range(len(percentages.FUNCTION_NAMES) + 1)):
            try:
                return await self.functions._run_block(
                    self.application.engine,
                    rollout_block,
                    seed=seed,
                    isolation_level=isolation_level,
                    policy=policy,
                    cost_campaigns=campaigns,
                )
            except StoredFunctionError as error:
                if not is_missing_function(error) or not missing_at_most:
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _admit(self, call: Call[Any]) -> int | None:
        await self._read_table_if_due(self._read)
        return await self._admit_by_campaigns(call, self._read)

    async def _read_table_if_due(self, read: Callable[..., Awaitable[Any]]) -> None:
        if self._router.should_read_table():
            try:
                self._router.table_was_read(await read(percentages.read_table))
            except SQLAlchemyError as error:
                self._router.table_was_not_read(error)

    async def _admit_by_campaigns(
        self, call: Call[Any], read: Callable[..., Awaitable[Any]]
    ) -> int | None:
        route = self._router.route(call)
        if route.unknown:
            try:
                self._router.campaigns_were_read(route, await read(campaigns_of, route.unknown))
            except SQLAlchemyError:
                return None
        return self._router.admit(call, route)

    async def _read(self, query: Callable[..., T], *arguments: Any) -> T:
        async with self.application.engine.connect() as connection:
            await connection.execution_options(**_reading(self.application.schema))
            async with connection.begin():
                await connection.exec_driver_sql(_WAIT_A_SECOND)
                return await connection.run_sync(query, *arguments)

    async def _read_both(self, call: Call[R]) -> R:
        answer = await self.application._run(call)
        try:
            log_comparison(call, queue_differences(answer, await self.functions._run(call)))
        except StoredFunctionError as error:
            log_comparison(call, [f"the function failed with {error.error_code}"])
        except Exception as error:  # noqa: BLE001 - its answer may be of any shape
            # Whatever is wrong with the new way, the old answer is the answer.
            log_comparison(call, [f"the function failed with {type(error).__name__}"])
        return answer


class AsyncBoundRolloutStore(AsyncStoredFunctions):
    """Both ways inside one open transaction; made by `AsyncRolloutStore`."""

    def __init__(
        self,
        rollout: AsyncRolloutStore,
        functions: AsyncBoundStore,
        application: AsyncBoundApplicationPath,
        *,
        reads_table: bool = False,
    ) -> None:
        self._rollout = rollout
        self._functions = functions
        self._application = application
        self._reads_table = reads_table
        self.connection = functions.connection
        self.schema = functions.schema

    async def wait_at_cost_gates(self, *campaign_ids: Identifier) -> None:
        """`BoundStore.wait_at_cost_gates`."""
        await self._functions.wait_at_cost_gates(*campaign_ids)

    async def _run(self, call: Call[R]) -> R:
        rollout = self._rollout
        if self._reads_table:
            await rollout._read_table_if_due(self._read)
        given_pass = await rollout._admit_by_campaigns(call, self._read)
        if given_pass is None:
            return await self._application._run(call)
        try:
            result = await self._functions._run(call)
        except StoredFunctionError as error:
            rollout._router.failed_in_transaction(call, given_pass, error)
            raise
        rollout._router.succeeded(call, given_pass)
        return result

    async def _read(self, query: Callable[..., T], *arguments: Any) -> T:
        schema = self._rollout.application.schema
        return await self.connection.run_sync(_read_within, schema, query, *arguments)

    def _new_key(self) -> uuid.UUID:
        return self._functions._new_key()


def _compares(compare_reads: bool | None) -> bool:
    return get_settings().rollout_compare_reads if compare_reads is None else compare_reads


def _reading(schema: str) -> dict[str, Any]:
    # An engine's own isolation level must not make a small read fail.
    return {"isolation_level": "READ COMMITTED", "schema_translate_map": {None: schema}}


def _read_within(
    connection: Connection, schema: str, query: Callable[..., T], *arguments: Any
) -> T:
    """Reads on a connection whose transaction is the caller's, and leaves the transaction as it is.

    Beside it, in a connection of its own, the read would wait for one that the pool may not have
    while blocks hold them all, and would not see what the transaction has written.
    """
    with using_schema(connection, schema), connection.begin_nested() as savepoint:
        connection.exec_driver_sql(_WAIT_A_SECOND)
        answer = query(connection, *arguments)
        savepoint.rollback()  # the limit with it
    return answer
