"""The stored functions as methods, for callers that wait and for asyncio.

`StoredFunctions` and `AsyncStoredFunctions` only say how a call reads; where it runs (a
transaction of its own, or the caller's) is for their subclasses: see `app.store`.
"""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from app import calls
from app.calls import Call, EnrichmentType, Identifier, Money, Position, Service
from app.results import (
    BatchInserted,
    BusinessForEnrichment,
    CampaignCreated,
    CampaignStatistics,
    CostsTracked,
    CostTracked,
    CoverageUpdated,
    EmailVerified,
    EnrichmentsUpdated,
)

R = TypeVar("R")


class StoredFunctions(ABC):
    """The stored functions as methods. Every method raises `StoredFunctionError`."""

    # Whether a page may hold fewer businesses than it was asked for though more follow.
    _pages_may_be_cut = False

    @abstractmethod
    def _run(self, call: Call[R]) -> R:
        """Runs one logical call."""

    def _new_key(self) -> uuid.UUID:
        """A key for one logical call: with it, a repeated call is recognised."""
        return uuid.uuid4()

    def create_campaign_with_coverage(
        self,
        campaign_data: Mapping[str, Any],
        zip_codes: Iterable[Mapping[str, Any] | str] | None = None,
    ) -> CampaignCreated:
        """Creates a campaign and its coverage, all or nothing.

        Args:
            campaign_data: `name`, and optionally `id`, `description`, `keywords`, `location`,
                `coverage_profile`, `custom_zip_codes`, `status`, `target_zip_count`,
                `coverage_percentage`, `estimated_cost` (USD), `organization_id`, `created_by`.
                An id that exists returns that campaign (`replayed`).
            zip_codes: texts, or objects with `zip_code` (or `zip`) and optionally `keywords`,
                `max_results`, `estimated_cost` (USD). Duplicates collapse.
        """
        return self._run(
            calls.create_campaign_with_coverage(self._new_key(), campaign_data, zip_codes)
        )

    def insert_businesses_batch(
        self, campaign_id: Identifier, zip_code: str | None, businesses: Iterable[Any]
    ) -> BatchInserted:
        """Inserts or updates scraped businesses; unreadable records are skipped and listed.

        Args:
            campaign_id: the campaign that owns the new businesses.
            zip_code: the ZIP code that was searched.
            businesses: the scraper's records as they are, or with the table's column names.
        """
        return self._run(calls.insert_businesses_batch(campaign_id, zip_code, businesses))

    def update_campaign_statistics(self, campaign_id: Identifier) -> CampaignStatistics:
        """Counts the campaign's businesses and stores the counts in the campaign."""
        return self._run(calls.update_campaign_statistics(campaign_id))

    def track_campaign_cost(
        self,
        campaign_id: Identifier,
        service: Service | str,
        items_processed: int,
        cost_usd: Money,
        metadata: Mapping[str, Any] | None = None,
    ) -> CostTracked:
        """Adds one entry to the cost ledger and to the campaign's totals. SERIALIZABLE.

        Args:
            campaign_id: the campaign that pays.
            service: `google_maps`, `facebook`, `linkedin` or `bouncer`.
            items_processed: 0 or more.
            cost_usd: 0 or more, rounded to 4 decimals; Decimal, int or str, never float.
            metadata: anything worth keeping. Its `idempotency_key`, made here unless given,
                makes repeating the call return the first result (`replayed`).
        """
        return self._run(
            calls.track_campaign_cost(
                self._new_key(), campaign_id, service, items_processed, cost_usd, metadata
            )
        )

    def track_campaign_costs_batch(self, costs: Iterable[Mapping[str, Any]]) -> CostsTracked:
        """Adds many entries to the cost ledger in one transaction: all or none. SERIALIZABLE.

        Args:
            costs: objects with `campaign_id`, `service`, `items_processed`, `cost_usd` and
                optionally `metadata`, each as in `track_campaign_cost`; campaigns may differ.
        """
        return self._run(calls.track_campaign_costs_batch(self._new_key(), costs))

    def update_coverage_status(
        self,
        campaign_id: Identifier,
        zip_code: str,
        businesses_found: int,
        emails_found: int,
        actual_cost: Money,
    ) -> CoverageUpdated:
        """Marks a ZIP code as scraped, with what was found and its cost (USD); sets, not adds."""
        return self._run(
            calls.update_coverage_status(
                campaign_id, zip_code, businesses_found, emails_found, actual_cost
            )
        )

    def update_enrichment_batch(
        self, enrichment_type: EnrichmentType | str, enrichments: Iterable[Any]
    ) -> EnrichmentsUpdated:
        """Stores what enrichment found, and applies it to the businesses.

        Args:
            enrichment_type: `facebook` or `linkedin`.
            enrichments: objects with `business_id` and the columns of the enrichment's table;
                those that cannot be applied are counted and listed, the others go in.
        """
        return self._run(
            calls.update_enrichment_batch(self._new_key(), enrichment_type, enrichments)
        )

    def update_email_verification(
        self, business_id: Identifier, email: str, verification_data: Mapping[str, Any]
    ) -> EmailVerified:
        """Stores a verifier's answer with the business and the enrichments that hold the email.

        Args:
            business_id: the business.
            email: an email that it or one of its enrichments holds.
            verification_data: `status`, and optionally `score`, `is_safe`, `is_disposable`,
                `is_role_based`, `is_free_email`, `is_gibberish`, `domain`, `provider`,
                `mx_records`, `smtp_check`, `reason`, `suggestion`, `source`.
        """
        return self._run(
            calls.update_email_verification(self._new_key(), business_id, email, verification_data)
        )

    def get_businesses_for_enrichment(
        self,
        campaign_id: Identifier,
        enrichment_type: EnrichmentType | str,
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[BusinessForEnrichment, ...]:
        """One page of an enrichment queue, oldest first.

        Paging by offset skips businesses when enrichment shrinks the queue in between: to work a
        queue off, take `iter_businesses_for_enrichment`.
        """
        return self._run(
            calls.get_businesses_for_enrichment(campaign_id, enrichment_type, limit, offset)
        )

    def iter_businesses_for_enrichment(
        self,
        campaign_id: Identifier,
        enrichment_type: EnrichmentType | str,
        page_size: int = 100,
    ) -> Iterator[BusinessForEnrichment]:
        """Every business of an enrichment queue once, however the queue shrinks meanwhile.

        Reads `page_size` businesses at a time, each page at the same cost, and holds no
        transaction open in between. Businesses that join the queue meanwhile may be left for
        the next time.
        """
        position: Position | None = None
        while True:
            page = self._run(
                calls.get_businesses_for_enrichment_after(
                    campaign_id, enrichment_type, position, page_size
                )
            )
            yield from page.businesses
            if len(page.businesses) < (1 if self._pages_may_be_cut else page_size):
                return
            position = page.next_position


class AsyncStoredFunctions(ABC):
    """The stored functions as coroutines. Every method raises `StoredFunctionError`."""

    @abstractmethod
    async def _run(self, call: Call[R]) -> R:
        """Runs one logical call."""

    def _new_key(self) -> uuid.UUID:
        """A key for one logical call: with it, a repeated call is recognised."""
        return uuid.uuid4()

    async def create_campaign_with_coverage(
        self,
        campaign_data: Mapping[str, Any],
        zip_codes: Iterable[Mapping[str, Any] | str] | None = None,
    ) -> CampaignCreated:
        """Creates a campaign and its coverage, all or nothing.

        Args:
            campaign_data: `name`, and optionally `id`, `description`, `keywords`, `location`,
                `coverage_profile`, `custom_zip_codes`, `status`, `target_zip_count`,
                `coverage_percentage`, `estimated_cost` (USD), `organization_id`, `created_by`.
                An id that exists returns that campaign (`replayed`).
            zip_codes: texts, or objects with `zip_code` (or `zip`) and optionally `keywords`,
                `max_results`, `estimated_cost` (USD). Duplicates collapse.
        """
        return await self._run(
            calls.create_campaign_with_coverage(self._new_key(), campaign_data, zip_codes)
        )

    async def insert_businesses_batch(
        self, campaign_id: Identifier, zip_code: str | None, businesses: Iterable[Any]
    ) -> BatchInserted:
        """Inserts or updates scraped businesses; unreadable records are skipped and listed.

        Args:
            campaign_id: the campaign that owns the new businesses.
            zip_code: the ZIP code that was searched.
            businesses: the scraper's records as they are, or with the table's column names.
        """
        return await self._run(calls.insert_businesses_batch(campaign_id, zip_code, businesses))

    async def update_campaign_statistics(self, campaign_id: Identifier) -> CampaignStatistics:
        """Counts the campaign's businesses and stores the counts in the campaign."""
        return await self._run(calls.update_campaign_statistics(campaign_id))

    async def track_campaign_cost(
        self,
        campaign_id: Identifier,
        service: Service | str,
        items_processed: int,
        cost_usd: Money,
        metadata: Mapping[str, Any] | None = None,
    ) -> CostTracked:
        """Adds one entry to the cost ledger and to the campaign's totals. SERIALIZABLE.

        Args:
            campaign_id: the campaign that pays.
            service: `google_maps`, `facebook`, `linkedin` or `bouncer`.
            items_processed: 0 or more.
            cost_usd: 0 or more, rounded to 4 decimals; Decimal, int or str, never float.
            metadata: anything worth keeping. Its `idempotency_key`, made here unless given,
                makes repeating the call return the first result (`replayed`).
        """
        return await self._run(
            calls.track_campaign_cost(
                self._new_key(), campaign_id, service, items_processed, cost_usd, metadata
            )
        )

    async def track_campaign_costs_batch(self, costs: Iterable[Mapping[str, Any]]) -> CostsTracked:
        """Adds many entries to the cost ledger in one transaction: all or none. SERIALIZABLE.

        Args:
            costs: objects with `campaign_id`, `service`, `items_processed`, `cost_usd` and
                optionally `metadata`, each as in `track_campaign_cost`; campaigns may differ.
        """
        return await self._run(calls.track_campaign_costs_batch(self._new_key(), costs))

    async def update_coverage_status(
        self,
        campaign_id: Identifier,
        zip_code: str,
        businesses_found: int,
        emails_found: int,
        actual_cost: Money,
    ) -> CoverageUpdated:
        """Marks a ZIP code as scraped, with what was found and its cost (USD); sets, not adds."""
        return await self._run(
            calls.update_coverage_status(
                campaign_id, zip_code, businesses_found, emails_found, actual_cost
            )
        )

    async def update_enrichment_batch(
        self, enrichment_type: EnrichmentType | str, enrichments: Iterable[Any]
    ) -> EnrichmentsUpdated:
        """Stores what enrichment found, and applies it to the businesses.

        Args:
            enrichment_type: `facebook` or `linkedin`.
            enrichments: objects with `business_id` and the columns of the enrichment's table;
                those that cannot be applied are counted and listed, the others go in.
        """
        return await self._run(
            calls.update_enrichment_batch(self._new_key(), enrichment_type, enrichments)
        )

    async def update_email_verification(
        self, business_id: Identifier, email: str, verification_data: Mapping[str, Any]
    ) -> EmailVerified:
        """Stores a verifier's answer with the business and the enrichments that hold the email.

        Args:
            business_id: the business.
            email: an email that it or one of its enrichments holds.
            verification_data: `status`, and optionally `score`, `is_safe`, `is_disposable`,
                `is_role_based`, `is_free_email`, `is_gibberish`, `domain`, `provider`,
                `mx_records`, `smtp_check`, `reason`, `suggestion`, `source`.
        """
        return await self._run(
            calls.update_email_verification(self._new_key(), business_id, email, verification_data)
        )

    async def get_businesses_for_enrichment(
        self,
        campaign_id: Identifier,
        enrichment_type: EnrichmentType | str,
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[BusinessForEnrichment, ...]:
        """One page of an enrichment queue, oldest first.

        Paging by offset skips businesses when enrichment shrinks the queue in between: to work a
        queue off, take `iter_businesses_for_enrichment`.
        """
        return await self._run(
            calls.get_businesses_for_enrichment(campaign_id, enrichment_type, limit, offset)
        )

    async def iter_businesses_for_enrichment(
        self,
        campaign_id: Identifier,
        enrichment_type: EnrichmentType | str,
        page_size: int = 100,
    ) -> AsyncIterator[BusinessForEnrichment]:
        """Every business of an enrichment queue once, however the queue shrinks meanwhile.

        Reads `page_size` businesses at a time, each page at the same cost, and holds no
        transaction open in between. Businesses that join the queue meanwhile may be left for
        the next time.
        """
        position: Position | None = None
        while True:
            page = await self._run(
                calls.get_businesses_for_enrichment_after(
                    campaign_id, enrichment_type, position, page_size
                )
            )
            for business in page.businesses:
                yield business
            if len(page.businesses) < page_size:
                return
            position = page.next_position
