"""The operations as methods, each in a transaction."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from campaigndb.calling import results
from campaigndb.rollout import CostFallback
from campaigndb.rollout.reading import using_schema
from examples.application_logic import businesses, campaigns, enrichments


class ApplicationLogic:
    """The eight operations without the stored functions, with their results and errors.

    Its role reads and writes the tables past row security, such as their owner.
    """

    def __init__(self, engine: Engine, *, schema: str | None = None) -> None:
        self.engine = engine
        self._costs: Any = CostFallback(engine, schema=schema)
        self.schema: str = self._costs.schema

    def bind(self, connection: Connection | Session) -> BoundApplicationLogic:
        """The operations inside a transaction that the caller opened and will end."""
        return BoundApplicationLogic(self, connection)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self.engine.connect() as connection:
            connection.execution_options(
                isolation_level="READ COMMITTED", schema_translate_map={None: self.schema}
            )
            with connection.begin():
                yield connection

    def create_campaign_with_coverage(
        self, campaign_data: Mapping[str, Any], zip_codes: Iterable[Any] | None = None
    ) -> results.CampaignCreated:
        """`CampaignStore.create_campaign_with_coverage`."""
        with self._transaction() as connection:
            return campaigns.create(connection, campaign_data, zip_codes or ())

    def insert_businesses_batch(
        self,
        campaign_id: uuid.UUID | None,
        zip_code: str | None,
        businesses: Iterable[Any],
    ) -> results.BatchInserted:
        """`CampaignStore.insert_businesses_batch`, of records with the table's column names."""
        with self._transaction() as connection:
            return insert_batch(connection, campaign_id, zip_code, list(businesses))

    def update_campaign_statistics(
        self, campaign_id: uuid.UUID | None
    ) -> results.CampaignStatistics:
        """`CampaignStore.update_campaign_statistics`."""
        with self._transaction() as connection:
            return campaigns.count(connection, campaign_id)

    def track_campaign_cost(
        self,
        campaign_id: uuid.UUID,
        service: str,
        items_processed: int,
        cost_usd: Decimal | int | str,
        metadata: Mapping[str, Any] | None = None,
    ) -> results.CostTracked:
        """`CampaignStore.track_campaign_cost`."""
        tracked: results.CostTracked = self._costs.track_campaign_cost(
            campaign_id, service, items_processed, cost_usd, metadata
        )
        return tracked

    def update_coverage_status(
        self,
        campaign_id: uuid.UUID | None,
        zip_code: str,
        businesses_found: int,
        emails_found: int,
        actual_cost: Decimal | int | str,
    ) -> results.CoverageUpdated:
        """`CampaignStore.update_coverage_status`."""
        with self._transaction() as connection:
            return campaigns.mark_scraped(
                connection, campaign_id, zip_code, businesses_found, emails_found, actual_cost
            )

    def update_enrichment_batch(
        self, enrichment_type: str, enrichments: Iterable[Mapping[str, Any]]
    ) -> results.EnrichmentsUpdated:
        """`CampaignStore.update_enrichment_batch`, of items with the table's column names."""
        with self._transaction() as connection:
            return apply_batch(connection, enrichment_type, list(enrichments))

    def update_email_verification(
        self, business_id: uuid.UUID | None, email: str, verification_data: Mapping[str, Any]
    ) -> results.EmailVerified:
        """`CampaignStore.update_email_verification`."""
        with self._transaction() as connection:
            return store_verification(connection, business_id, email, verification_data)

    def get_businesses_for_enrichment(
        self,
        campaign_id: uuid.UUID | None,
        enrichment_type: str,
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[results.BusinessForEnrichment, ...]:
        """`CampaignStore.get_businesses_for_enrichment`."""
        with self._transaction() as connection:
            return read_queue(connection, campaign_id, enrichment_type, limit, offset)


class BoundApplicationLogic(ApplicationLogic):
    """The operations inside one open transaction; made by `ApplicationLogic`."""

    def __init__(self, logic: ApplicationLogic, connection: Connection | Session) -> None:
        self.connection = connection.connection() if isinstance(connection, Session) else connection
        self.engine = logic.engine
        self.schema = logic.schema
        self._costs = logic._costs.bind(self.connection)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with using_schema(self.connection, self.schema):
            yield self.connection


# The parameters of some methods are named as the modules are.
insert_batch, read_queue = businesses.insert_batch, businesses.read_queue
apply_batch, store_verification = enrichments.apply_batch, enrichments.store_verification
