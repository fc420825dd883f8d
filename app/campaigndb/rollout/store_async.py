"""The rollout stores: the interface of `AsyncCampaignStore` with a fallback for each call."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from campaigndb.calling.arguments import Call, Identifier
from campaigndb.calling.catalogue import IsolationLevel
from campaigndb.calling.errors import StoredFunctionError
from campaigndb.calling.methods_async import AsyncStoredFunctions
from campaigndb.calling.retries import RetryPolicy
from campaigndb.calling.store_async import AsyncBoundStore, AsyncCampaignStore
from campaigndb.rollout import percentages
from campaigndb.rollout.campaigns_of_call import campaigns_of
from campaigndb.rollout.circuit_breaker import BreakerLimits
from campaigndb.rollout.comparison import log_comparison, queue_differences
from campaigndb.rollout.fallbacks import bind_of, fallback_for
from campaigndb.rollout.percentages import Percentages
from campaigndb.rollout.reading import (
    REFRESH_SECONDS,
    WAIT_A_SECOND,
    compares,
    read_within,
    reading,
)
from campaigndb.rollout.router import Router, is_missing_function

R = TypeVar("R")
T = TypeVar("T")


class AsyncRolloutStore(AsyncStoredFunctions):
    """Sends each call to the stored function or to the fallback, the code that it replaces.

    A campaign is always served by the same side while a function's percentage stays the same. It
    moves to the function when the percentage is raised. If a function does not exist, the fallback
    serves the call. After several failures in a row a function is not used for a while. A call that
    failed for another reason is never sent to the fallback, because it may have been committed.

    The fallback is called by the function's name with the store's arguments, as keywords: ids are
    `uuid.UUID`, money is `Decimal`, objects and lists are what their JSON holds, and idempotency
    keys are in their places. A function that the fallback has no method for is always called.

    Args:
        functions: the stored functions.
        fallback: any object with methods of `AsyncCampaignStore`, such as `AsyncCostFallback` or
            code of your own. Transactions need its `bind(connection)`, which returns such an
            object.
        tables: an engine whose role reads the percentages and the campaigns of businesses, and
            runs blocks; default: the fallback's `engine`, or else that of the functions.
        fixed: percentages that do not change; default: the table `gmaps_rollout_percentages`, read
            every `refresh_seconds`, over the setting `CAMPAIGNDB_ROLLOUT`.
        refresh_seconds: how often the table is read.
        breaker: when a failing function is given up, and for how long.
        compare_reads: read queues from both, answer with the fallback's rows and log differences;
            default: the setting `CAMPAIGNDB_ROLLOUT_COMPARE_READS`.
    """

    def __init__(
        self,
        functions: AsyncCampaignStore,
        fallback: object,
        *,
        tables: AsyncEngine | None = None,
        fixed: Percentages | None = None,
        refresh_seconds: float = REFRESH_SECONDS,
        breaker: BreakerLimits | None = None,
        compare_reads: bool | None = None,
    ) -> None:
        self.functions = functions
        self.fallback = fallback
        self.tables: AsyncEngine = tables or getattr(fallback, "engine", None) or functions.engine
        self._router = Router(fixed, refresh_seconds, breaker or BreakerLimits())
        self._compare_reads = compares(compare_reads)

    async def _run(self, call: Call[R]) -> R:
        fallback: Callable[[], Awaitable[R]] | None = fallback_for(self.fallback, call)
        if fallback is None:
            return await self.functions._run(call)
        if call.function.returns_rows and self._compare_reads:
            return await self._read_both(call, fallback)
        given_pass = await self._admit(call)
        if given_pass is None:
            return await fallback()
        try:
            result = await self.functions._run(call)
        except StoredFunctionError as error:
            if not self._router.failed(call, given_pass, error):
                raise
            # Not within the handler: its error would be shown as the cause of the next one.
        else:
            self._router.succeeded(call, given_pass)
            return result
        return await fallback()

    async def bind(self, connection: AsyncConnection | AsyncSession) -> AsyncBoundRolloutStore:
        """Functions and fallback inside a transaction that the caller opened and will end.

        Nothing is retried, and a failed call is not sent to the fallback: its transaction failed.

        Raises:
            TypeError: the fallback has no `bind`.
        """
        fallback = await bind_of(self.fallback)(connection)
        bound = await self.functions.bind(connection)
        return AsyncBoundRolloutStore(self, bound, fallback, reads_table=True)

    async def run_in_transaction(
        self,
        block: Callable[[AsyncBoundRolloutStore], Awaitable[T]],
        *,
        isolation_level: IsolationLevel = "SERIALIZABLE",
        policy: RetryPolicy | None = None,
        cost_campaigns: Iterable[Identifier] = (),
    ) -> T:
        """`AsyncCampaignStore.run_in_transaction`, each call of the block by function or fallback.

        The block runs on the engine `tables`, because both may meet in it: its role must be allowed
        to execute the functions. If a function does not exist, the whole block runs again without
        it. The percentages are read before the block; a block needs no connection but its own.

        Raises:
            TypeError: the fallback has no `bind`.
        """
        bind = bind_of(self.fallback)
        campaigns = list(cost_campaigns)
        # The same keys when the block runs again: an attempt before may have been committed.
        seed = uuid.uuid4()

        async def rollout_block(bound: AsyncBoundStore) -> T:
            fallback = await bind(bound.connection)
            return await block(AsyncBoundRolloutStore(self, bound, fallback))

        # While no connection is held: within the block there may be none left to read it.
        await self._read_table_if_due(self._read)
        for missing_at_most in reversed(range(len(percentages.FUNCTION_NAMES) + 1)):
            try:
                return await self.functions._run_block(
                    self.tables,
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
        """The pass of a call that goes to the function; None: it goes to the fallback."""
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
                return None  # the fallback reports what is wrong
        return self._router.admit(call, route)

    async def _read(self, query: Callable[..., T], *arguments: Any) -> T:
        async with self.tables.connect() as connection:
            await connection.execution_options(**reading(self.functions.schema))
            async with connection.begin():
                await connection.exec_driver_sql(WAIT_A_SECOND)
                return await connection.run_sync(query, *arguments)

    async def _read_both(self, call: Call[R], fallback: Callable[[], Awaitable[R]]) -> R:
        answer = await fallback()
        try:
            log_comparison(call, queue_differences(answer, await self.functions._run(call)))
        except StoredFunctionError as error:
            log_comparison(call, [f"the function failed with {error.error_code}"])
        except Exception as error:  # noqa: BLE001 - its answer may be of any shape
            # Whatever is wrong with the function, the fallback's answer is the answer.
            log_comparison(call, [f"the function failed with {type(error).__name__}"])
        return answer


class AsyncBoundRolloutStore(AsyncStoredFunctions):
    """Functions and fallback inside one open transaction; made by `AsyncRolloutStore`."""

    def __init__(
        self,
        rollout: AsyncRolloutStore,
        functions: AsyncBoundStore,
        fallback: object,
        *,
        reads_table: bool = False,
    ) -> None:
        self._rollout = rollout
        self._functions = functions
        self._fallback = fallback
        self._reads_table = reads_table
        self.connection = functions.connection
        self.schema = functions.schema

    async def wait_at_cost_gates(self, *campaign_ids: Identifier) -> None:
        """`AsyncBoundStore.wait_at_cost_gates`."""
        await self._functions.wait_at_cost_gates(*campaign_ids)

    async def _run(self, call: Call[R]) -> R:
        rollout = self._rollout
        fallback: Callable[[], Awaitable[R]] | None = fallback_for(self._fallback, call)
        if fallback is None:
            return await self._functions._run(call)
        if self._reads_table:
            await rollout._read_table_if_due(self._read)
        given_pass = await rollout._admit_by_campaigns(call, self._read)
        if given_pass is None:
            return await fallback()
        try:
            result = await self._functions._run(call)
        except StoredFunctionError as error:
            rollout._router.failed_in_transaction(call, given_pass, error)
            raise
        rollout._router.succeeded(call, given_pass)
        return result

    async def _read(self, query: Callable[..., T], *arguments: Any) -> T:
        schema = self._rollout.functions.schema
        return await self.connection.run_sync(read_within, schema, query, *arguments)

    def _new_key(self) -> uuid.UUID:
        return self._functions._new_key()
