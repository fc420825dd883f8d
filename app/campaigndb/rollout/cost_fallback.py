# Made of cost_fallback_async.py by `make generate`. Edit that file.
"""The fallback for one cost, by plain statements under an advisory lock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from campaigndb.calling.arguments import Identifier, Money, Service
from campaigndb.calling.configuration import ConfiguredStore
from campaigndb.calling.results import CostTracked
from campaigndb.calling.retries import RetryPolicy
from campaigndb.calling.transactions import run_in_transaction
from campaigndb.rollout.cost_writing import observed, prepare_cost, write_at_gate, write_bound


class CostFallback(ConfiguredStore):
    """`track_campaign_cost` without the stored function, for `RolloutStore` to fall back on.

    A call is one READ COMMITTED transaction. Its role must bypass row security: the tables' owner,
    or a service role with SELECT, INSERT and UPDATE on the tables (including the cost gates), USAGE
    on their schema, and BYPASSRLS.

    Args:
        engine: any engine on the database with psycopg 3.
        schema: the tables' schema; default: the setting `CAMPAIGNDB_SCHEMA`.
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

    def track_campaign_cost(
        self,
        campaign_id: Identifier,
        service: Service | str,
        items_processed: int,
        cost_usd: Money,
        metadata: Mapping[str, Any] | None = None,
    ) -> CostTracked:
        """`CampaignStore.track_campaign_cost`, with the same result and the same errors."""
        call = prepare_cost(campaign_id, service, items_processed, cost_usd, metadata)
        with observed(call) as observation:
            return run_in_transaction(
                self._engine,
                lambda connection: write_at_gate(connection, call, self.schema),
                isolation_level="READ COMMITTED",
                policy=self.policy(call.function.name),
                name=call.function.name,
                observation=observation,
            )

    def bind(self, connection: Connection | Session) -> BoundCostFallback:
        """The call inside a transaction that the caller opened and will end."""
        if isinstance(connection, Session):
            connection = connection.connection()
        return BoundCostFallback(connection, self.schema)


class BoundCostFallback:
    """The call inside one open transaction; made by `CostFallback`. Nothing is retried."""

    def __init__(self, connection: Connection, schema: str) -> None:
        self.connection = connection
        self.schema = schema

    def track_campaign_cost(
        self,
        campaign_id: Identifier,
        service: Service | str,
        items_processed: int,
        cost_usd: Money,
        metadata: Mapping[str, Any] | None = None,
    ) -> CostTracked:
        """`BoundStore.track_campaign_cost`, with the same result and the same errors."""
        call = prepare_cost(campaign_id, service, items_processed, cost_usd, metadata)
        with observed(call, is_part=True):
            return write_bound(self.connection, call, self.schema)
