"""The stores: each call in a transaction of its own, or several in one that the caller holds.

A store of a tenant calls the functions by its schema's name, so a call cannot reach another's. The
search path is set where the caller's own statements run, and for that transaction only: behind a
pool the connection goes on to others.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
from sqlalchemy.orm import Session

from app.calls import Call, Identifier, IsolationLevel, as_uuid
from app.cost_gate import gate_statements, lock_timeout
from app.errors import IsolationLevelError
from app.identifiers import quote_identifier
from app.one_round_trip import run_in_one_round_trip, run_in_one_round_trip_async
from app.retries import Policies, RetryPolicy
from app.settings import check_schema_name, get_settings
from app.stored_functions import AsyncStoredFunctions, StoredFunctions
from app.telemetry import TRANSACTION, Observation
from app.tenants.names import tenant_schema
from app.transactions import run_in_transaction, run_in_transaction_async

R = TypeVar("R")
T = TypeVar("T")


class ConfiguredStore:
    """What every store is told: the schema or the tenant, and how each function is retried."""

    def __init__(
        self,
        schema: str | None,
        tenant: str | None,
        policies: Mapping[str, RetryPolicy] | RetryPolicy | None,
    ) -> None:
        if tenant is not None and schema is not None:
            raise ValueError("a store is of a tenant or of a schema: a tenant's name says both")
        self.tenant = tenant
        if tenant is not None:
            self.schema = tenant_schema(tenant)
        elif schema is not None:
            self.schema = check_schema_name(schema)
        else:
            self.schema = get_settings().schema_name
        self._policies = Policies(policies)

    def policy(self, function_name: str) -> RetryPolicy:
        return self._policies.of(function_name)


class CampaignStore(ConfiguredStore, StoredFunctions):
    """The stored functions over an engine: each call is one transaction, retried as a whole.

    Args:
        engine: any engine on the database with psycopg 3; its own isolation level and search
            path do not matter.
        schema: where the functions are; default: the setting `CAMPAIGNDB_SCHEMA`.
        tenant: whose functions they are, instead of `schema`. Blocks and bound transactions then
            have the tenant's schema as their search path, until they end.
        policies: retry policies by function name over the defaults, or one for every function.

    Raises:
        ValueError: there can be no such schema or tenant, or both are given.
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

    def _run(self, call: Call[R]) -> R:
        with Observation(call.function.name, call.campaign) as observation:
            return run_in_one_round_trip(
                self.engine,
                call,
                self.schema,
                policy=self.policy(call.function.name),
                observation=observation,
            )

    def bind(self, connection: Connection | Session) -> BoundStore:
        """The functions inside a transaction that the caller opened and will end.

        Nothing is retried and nothing is committed here. `track_campaign_cost` needs the
        transaction to be SERIALIZABLE.

        Raises:
            IsolationLevelError: the connection is in AUTOCOMMIT, so there is no transaction.
        """
        return self._bound(connection)

    def _bound(
        self, connection: Connection | Session, keys: Iterator[uuid.UUID] | None = None
    ) -> BoundStore:
        bound = BoundStore(connection, self.schema, keys)
        if self.tenant is not None:
            bound.connection.exec_driver_sql(_search_path(self.schema))
        return bound

    def run_in_transaction(
        self,
        block: Callable[[BoundStore], T],
        *,
        isolation_level: IsolationLevel = "SERIALIZABLE",
        policy: RetryPolicy | None = None,
        cost_campaigns: Iterable[Identifier] = (),
    ) -> T:
        """Runs `block` with several calls in one transaction; retries the block as a whole.

        Where the block tracks costs, name their campaigns as `cost_campaigns`: the transaction
        then waits for its turn at their gates instead of failing and being retried.

        A block that repeats its calls in the same order is safe to repeat even where the outcome
        of COMMIT is unknown: its calls carry the same idempotency keys at every attempt. Other
        statements of the block run on `store.connection` and must be safe to repeat themselves.
        """
        return self._run_block(
            self.engine,
            block,
            seed=uuid.uuid4(),
            isolation_level=isolation_level,
            policy=policy,
            cost_campaigns=cost_campaigns,
        )

    def _run_block(
        self,
        engine: Engine,
        block: Callable[[BoundStore], T],
        *,
        seed: uuid.UUID,
        isolation_level: IsolationLevel,
        policy: RetryPolicy | None,
        cost_campaigns: Iterable[Identifier],
    ) -> T:
        """`run_in_transaction` on any engine; the keys of the block's calls are the seed's."""
        campaigns = list(cost_campaigns)

        def bound_block(connection: Connection) -> T:
            store = self._bound(connection, _keys(seed))
            store.wait_at_cost_gates(*campaigns)
            return block(store)

        with Observation(TRANSACTION) as observation:
            return run_in_transaction(
                engine,
                bound_block,
                isolation_level=isolation_level,
                policy=policy or self.policy("track_campaign_cost"),
                observation=observation,
            )


class BoundStore(StoredFunctions):
    """The stored functions inside one open transaction; made by `CampaignStore`."""

    def __init__(
        self,
        connection: Connection | Session,
        schema: str,
        keys: Iterator[uuid.UUID] | None = None,
    ) -> None:
        self.connection = connection.connection() if isinstance(connection, Session) else connection
        _refuse_autocommit(self.connection.connection.dbapi_connection)
        self.schema = schema
        self._keys = keys

    def wait_at_cost_gates(self, *campaign_ids: Identifier) -> None:
        """Waits until no other caller writes these campaigns' costs; until the transaction ends.

        Has to come before the transaction's first query, whose snapshot would be too old
        afterwards, and once for all campaigns, or callers could wait for each other.
        """
        _wait_at_cost_gates(self.connection, self.schema, _uuids(campaign_ids))

    def _run(self, call: Call[R]) -> R:
        with Observation(call.function.name, call.campaign, is_part=True):
            return call.execute(self.connection, self.schema)

    def _new_key(self) -> uuid.UUID:
        return super()._new_key() if self._keys is None else next(self._keys)


class AsyncCampaignStore(ConfiguredStore, AsyncStoredFunctions):
    """`CampaignStore` over SQLAlchemy's asyncio: the same methods as coroutines."""

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

    async def _run(self, call: Call[R]) -> R:
        with Observation(call.function.name, call.campaign) as observation:
            return await run_in_one_round_trip_async(
                self.engine,
                call,
                self.schema,
                policy=self.policy(call.function.name),
                observation=observation,
            )

    async def bind(self, connection: AsyncConnection | AsyncSession) -> AsyncBoundStore:
        """`CampaignStore.bind` for an `AsyncConnection` or `AsyncSession`."""
        if isinstance(connection, AsyncSession):
            connection = await connection.connection()
        return await self._bound(connection)

    async def _bound(
        self, connection: AsyncConnection, keys: Iterator[uuid.UUID] | None = None
    ) -> AsyncBoundStore:
        bound = AsyncBoundStore(connection, self.schema, keys)
        if self.tenant is not None:
            await connection.exec_driver_sql(_search_path(self.schema))
        return bound

    async def run_in_transaction(
        self,
        block: Callable[[AsyncBoundStore], Awaitable[T]],
        *,
        isolation_level: IsolationLevel = "SERIALIZABLE",
        policy: RetryPolicy | None = None,
        cost_campaigns: Iterable[Identifier] = (),
    ) -> T:
        """`CampaignStore.run_in_transaction` for a block that is a coroutine function."""
        return await self._run_block(
            self.engine,
            block,
            seed=uuid.uuid4(),
            isolation_level=isolation_level,
            policy=policy,
            cost_campaigns=cost_campaigns,
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
        """`run_in_transaction` on any engine; the keys of the block's calls are the seed's."""
        campaigns = list(cost_campaigns)

        async def bound_block(connection: AsyncConnection) -> T:
            store = await self._bound(connection, _keys(seed))
            await store.wait_at_cost_gates(*campaigns)
            return await block(store)

        with Observation(TRANSACTION) as observation:
            return await run_in_transaction_async(
                engine,
                bound_block,
                isolation_level=isolation_level,
                policy=policy or self.policy("track_campaign_cost"),
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
        sync_connection = connection.sync_connection
        if sync_connection is not None:
            _refuse_autocommit(sync_connection.connection.dbapi_connection)
        self.connection = connection
        self.schema = schema
        self._keys = keys

    async def wait_at_cost_gates(self, *campaign_ids: Identifier) -> None:
        """`BoundStore.wait_at_cost_gates`."""
        await self.connection.run_sync(_wait_at_cost_gates, self.schema, _uuids(campaign_ids))

    async def _run(self, call: Call[R]) -> R:
        with Observation(call.function.name, call.campaign, is_part=True):
            return await self.connection.run_sync(call.execute, self.schema)

    def _new_key(self) -> uuid.UUID:
        return super()._new_key() if self._keys is None else next(self._keys)


def _search_path(schema: str) -> str:
    """Until the end of the transaction. Takes no snapshot, so gates may follow."""
    return f"SET LOCAL search_path TO {quote_identifier(schema)}, pg_temp"


def _wait_at_cost_gates(
    connection: Connection, schema: str, campaign_ids: list[uuid.UUID | None]
) -> None:
    if campaign_ids:
        own_timeout = lock_timeout(connection)
        for statement in gate_statements(schema, campaign_ids, own_timeout=own_timeout):
            connection.exec_driver_sql(statement)


def _uuids(campaign_ids: Iterable[Identifier]) -> list[uuid.UUID | None]:
    return [as_uuid(campaign_id, "campaign_id") for campaign_id in campaign_ids]


def _keys(seed: uuid.UUID) -> Iterator[uuid.UUID]:
    """The same keys in the same order at every attempt."""
    return (uuid.uuid5(seed, str(number)) for number in itertools.count())


def _refuse_autocommit(dbapi_connection: Any) -> None:
    if getattr(dbapi_connection, "autocommit", False):
        raise IsolationLevelError(
            "The connection is in AUTOCOMMIT: each call would be a transaction of its own",
            detail="open it with execution_options(isolation_level='SERIALIZABLE')",
        )
