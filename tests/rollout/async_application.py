"""The example's operations as coroutines: a fallback for the asynchronous store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from examples.application_logic import ApplicationLogic


class AsyncApplicationLogic:
    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._logic = ApplicationLogic(engine.sync_engine, schema="public")

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if not hasattr(ApplicationLogic, name):
            raise AttributeError(name)

        async def call(**arguments: Any) -> Any:
            async with self.engine.connect() as connection:
                await connection.execution_options(isolation_level="READ COMMITTED")
                async with connection.begin():
                    return await getattr(await self.bind(connection), name)(**arguments)

        return call

    async def bind(self, connection: AsyncConnection) -> BoundAsyncApplicationLogic:
        return BoundAsyncApplicationLogic(self._logic, connection)


class BoundAsyncApplicationLogic:
    def __init__(self, logic: ApplicationLogic, connection: AsyncConnection) -> None:
        self._logic = logic
        self._connection = connection

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if not hasattr(ApplicationLogic, name):
            raise AttributeError(name)

        async def call(**arguments: Any) -> Any:
            return await self._connection.run_sync(
                lambda connection: getattr(self._logic.bind(connection), name)(**arguments)
            )

        return call
