"""The stores: each call in its own transaction, or several calls in a transaction of the caller.

A tenant's store calls the functions by its schema's name, so a call cannot reach another tenant.
The search path is set only where the caller's own statements run, and only for that transaction,
because pooled connections are passed on to others.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_scoped_session,
)

from campaigndb.calling.arguments import Call, Identifier, Money
from campaigndb.calling.attempts import Attempts
from campaigndb.calling.catalogue import TRACK_CAMPAIGN_COST, IsolationLevel
from campaigndb.calling.configuration import ConfiguredStore, keys_of, search_path, uuids
from campaigndb.calling.connections import check_bindable, check_bound, check_engine, guard
from campaigndb.calling.execution import execute_alone, execute_bound
from campaigndb.calling.gate import UNSTREAMED, wait_at_gates
from campaigndb.calling.methods_async import AsyncStoredFunctions
from campaigndb.calling.retries import RetryPolicy
from campaigndb.calling.telemetry import TRANSACTION, Observation
from campaigndb.calling.transactions_async import retried_async, run_in_transaction_async
from campaigndb.calling.work_async import AsyncWork, WorkKind

R = TypeVar("R")
T = TypeVar("T")


class AsyncCampaignStore(ConfiguredStore, AsyncStoredFunctions):
    """The stored functions over an engine: each call is one transaction, retried as a whole.

    Args:
        engine: an AsyncEngine on the database with psycopg 3. Its own isolation level and search
            path do not matter.
        schema: the schema of the functions; default: the setting `CAMPAIGNDB_SCHEMA`.
        tenant: the tenant whose functions are called, instead of `schema`. Blocks and bound
            transactions then have the tenant's schema as their search path until they end.
        policies: retry policies by function name, or one for every function.

    Raises:
        TypeError: it is not an AsyncEngine, or its driver is not psycopg 3.
        ValueError: the schema or the tenant has an invalid name, or both are given.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        schema: str | None = None,
        tenant: str | None = None,
        policies: Mapping[str, RetryPolicy] | RetryPolicy | None = None,
    ) -> None:
        super().__init__(schema, tenant, policies)
        guard(check_engine(engine, "AsyncCampaignStore", is_async=True))
        self.engine = engine

    async def _run(self, call: Call[R]) -> R:
        async def attempt() -> R:
            async with self.engine.connect() as connection:
                return await connection.run_sync(execute_alone, call, self.schema)

        name = call.function.name
        with Observation(name, call.campaign) as observation:
            attempts = Attempts(name, observation, writes=not call.function.read_only)
            return await retried_async(attempt, self.policy(name), attempts)

    async def bind(
        self, connection: AsyncConnection | AsyncSession | async_scoped_session[AsyncSession]
    ) -> AsyncBoundStore:
        """The functions inside a transaction that the caller opened and will end.

        Nothing is retried or committed here. `track_campaign_cost` needs a SERIALIZABLE
        transaction.

        Raises:
            TypeError: it is not an AsyncConnection or AsyncSession, or not of psycopg 3.
            IsolationLevelError: the connection is in AUTOCOMMIT, so there is no transaction.
            StoredFunctionError: it was opened before a fork, or its encoding is not UTF-8.
        """
        check_bindable(connection, "AsyncCampaignStore", is_async=True)
        if not isinstance(connection, AsyncConnection):
            connection = await connection.connection()
        return await self._bound(connection)

    async def _bound(
        self, connection: AsyncConnection, keys: Iterator[uuid.UUID] | None = None
    ) -> AsyncBoundStore:
        await connection.run_sync(check_bound, "AsyncCampaignStore")
        if self.tenant is not None:
            await connection.exec_driver_sql(search_path(self.schema), execution_options=UNSTREAMED)
        return AsyncBoundStore(connection, self.schema, keys)

    async def run_in_transaction(
        self,
        block: Callable[[AsyncBoundStore], Awaitable[T]],
        *,
        isolation_level: IsolationLevel = "SERIALIZABLE",
        policy: RetryPolicy | None = None,
        cost_campaigns: Iterable[Identifier] = (),
    ) -> T:
        """Runs `block` with several calls in one transaction, and retries the block as a whole.

        If the block tracks costs, name their campaigns as `cost_campaigns`. The transaction then
        waits for its turn at their gates instead of failing and being retried.

        A block that makes its calls in the same order is safe to repeat, even if the outcome of
        COMMIT is unknown: its calls carry the same idempotency keys at every attempt. Other
        statements of the block run on `store.connection` and must be safe to repeat themselves.

        Raises:
            StoredFunctionError: the last attempt failed. The block's other exceptions pass through.
        """
        return await self._run_block(
            self.engine,
            block,
            seed=uuid.uuid4(),
            isolation_level=isolation_level,
            policy=policy,
            cost_campaigns=cost_campaigns,
        )

    def work(
        self,
        kind: WorkKind | str,
        campaign_id: Identifier,
        *,
        worker: str | None = None,
        page_size: int | None = None,
        lease_seconds: int | None = None,
        unit_cost_usd: Money | None = None,
    ) -> AsyncWork:
        """The loop of a worker: batches of a queue, each claimed for this worker alone.

        A batch is claimed and handed over, and its lease is extended while the caller works on it.
        `batch.finish` stores its results and their cost in one transaction. If an exception ends
        the loop, unfinished items are given back. SIGTERM ends the loop after the current batch,
        unless the program has its own handler.

        Args:
            kind: `facebook`, `linkedin`, `verification` or `coverage`.
            campaign_id: the campaign.
            worker: a name for this process, so that it gets its items again after a restart;
                default: a unique name.
            page_size: maximum number of items in a batch; default: 100, or 10 ZIP codes.
            lease_seconds: after how long the items of a dead worker are handed out again; default:
                900, or 3,600 for ZIP codes.
            unit_cost_usd: the cost of one lookup, which is reserved in the campaign's budget.

        Raises:
            ValueError: there is no such kind.
        """
        return AsyncWork(
            self,
            kind,
            campaign_id,
            worker=worker,
            page_size=page_size,
            lease_seconds=lease_seconds,
            unit_cost_usd=unit_cost_usd,
        )

    async def _run_block(
        self,
        engine: AsyncEngine,
        block: Callable[[AsyncBoundStore], Awaitable[T]],
        *,
        seed: uuid.UUID,
        isolation_level: IsolationLevel,
        policy: RetryPolicy | None,
        cost_campaigns: Iterable[Identifier],
    ) -> T:
        """`run_in_transaction` on any engine. The keys of the block's calls come from the seed."""
        campaigns = list(cost_campaigns)

        async def bound_block(connection: AsyncConnection) -> T:
            store = await self._bound(connection, keys_of(seed))
            await store.wait_at_cost_gates(*campaigns)
            return await block(store)

        with Observation(TRANSACTION) as observation:
            return await run_in_transaction_async(
                engine,
                bound_block,
                isolation_level=isolation_level,
                policy=policy or self.policy(TRACK_CAMPAIGN_COST.name),
                observation=observation,
            )


class AsyncBoundStore(AsyncStoredFunctions):
    """The stored functions inside one open transaction; made by `AsyncCampaignStore`."""

    def __init__(
        self,
        connection: AsyncConnection,
        schema: str,
        keys: Iterator[uuid.UUID] | None = None,
    ) -> None:
        self.connection = connection
        self.schema = schema
        self._keys = keys

    async def wait_at_cost_gates(self, *campaign_ids: Identifier) -> None:
        """Waits until no other caller writes these campaigns' costs, and keeps the turn.

        The turn ends with the transaction. Call this before the transaction's first query, whose
        snapshot would otherwise be too old, and once for all campaigns, to avoid deadlocks.

        Raises:
            SQLAlchemyError: the wait took too long.
        """
        if campaign_ids:
            await self.connection.run_sync(wait_at_gates, self.schema, uuids(campaign_ids))

    async def _run(self, call: Call[R]) -> R:
        with Observation(call.function.name, call.campaign, is_part=True):
            return await self.connection.run_sync(execute_bound, call, self.schema)

    def _new_key(self) -> uuid.UUID:
        return super()._new_key() if self._keys is None else next(self._keys)
