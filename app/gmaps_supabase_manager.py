"""`GmapsSupabaseManager`: the worker's names for the operations, over a Supabase client."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from app.calls import EnrichmentType, Identifier, Money, Service
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
from app.retries import RetryPolicy
from app.supabase_store import SupabaseStore

if TYPE_CHECKING:
    from supabase import Client


class GmapsSupabaseManager:
    """Each operation is one call of a stored function. Every method raises `StoredFunctionError`.

    Arguments and results are those of `SupabaseStore`, which is at `store`.
    """

    def __init__(
        self,
        client: Client,
        *,
        policies: Mapping[str, RetryPolicy] | RetryPolicy | None = None,
        attempt_timeout: float | None = None,
    ) -> None:
        self.store = SupabaseStore(client, policies=policies, attempt_timeout=attempt_timeout)

    def create_campaign(
        self,
        campaign_data: Mapping[str, Any],
        zip_codes: Iterable[Mapping[str, Any] | str] | None = None,
    ) -> CampaignCreated:
        """`create_campaign_with_coverage`: the campaign and its ZIP codes, all or nothing."""
        return self.store.create_campaign_with_coverage(campaign_data, zip_codes)

    def save_businesses(
        self, campaign_id: Identifier, zip_code: str | None, businesses: Iterable[Any]
    ) -> BatchInserted:
        """`insert_businesses_batch`: the scraper's records as they are."""
        return self.store.insert_businesses_batch(campaign_id, zip_code, businesses)

    def update_campaign_statistics(self, campaign_id: Identifier) -> CampaignStatistics:
        """Counts the campaign's businesses and stores the counts in the campaign."""
        return self.store.update_campaign_statistics(campaign_id)

    def track_campaign_cost(
        self,
        campaign_id: Identifier,
        service: Service | str,
        items_processed: int,
        cost_usd: Money,
        metadata: Mapping[str, Any] | None = None,
    ) -> CostTracked:
        """Adds one entry to the cost ledger, exactly once (USD; never a float)."""
        return self.store.track_campaign_cost(
            campaign_id, service, items_processed, cost_usd, metadata
        )

    def track_campaign_costs(self, costs: Iterable[Mapping[str, Any]]) -> CostsTracked:
        """`track_campaign_costs_batch`: many entries in one transaction, all or none."""
        return self.store.track_campaign_costs_batch(costs)

    def update_coverage_status(
        self,
        campaign_id: Identifier,
        zip_code: str,
        businesses_found: int,
        emails_found: int,
        actual_cost: Money,
    ) -> CoverageUpdated:
        """Marks a ZIP code as scraped, with what was found and its cost (USD)."""
        return self.store.update_coverage_status(
            campaign_id, zip_code, businesses_found, emails_found, actual_cost
        )

    def save_enrichments(
        self, enrichment_type: EnrichmentType | str, enrichments: Iterable[Any]
    ) -> EnrichmentsUpdated:
        """`update_enrichment_batch`: stores what enrichment found, applies it to businesses."""
        return self.store.update_enrichment_batch(enrichment_type, enrichments)

    def update_email_verification(
        self, business_id: Identifier, email: str, verification_data: Mapping[str, Any]
    ) -> EmailVerified:
        """Stores a verifier's answer with the business and the enrichments that hold the email."""
        return self.store.update_email_verification(business_id, email, verification_data)

    def get_businesses_for_enrichment(
        self,
        campaign_id: Identifier,
        enrichment_type: EnrichmentType | str,
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[BusinessForEnrichment, ...]:
        """One page of an enrichment queue, oldest first."""
        return self.store.get_businesses_for_enrichment(campaign_id, enrichment_type, limit, offset)

    def iter_businesses_for_enrichment(
        self,
        campaign_id: Identifier,
        enrichment_type: EnrichmentType | str,
        page_size: int = 100,
    ) -> Iterator[BusinessForEnrichment]:
        """Every business of an enrichment queue once, however the queue shrinks meanwhile."""
        return self.store.iter_businesses_for_enrichment(campaign_id, enrichment_type, page_size)
