"""`GmapsSupabaseManager`: the operations under the worker's names, over a Supabase client.

The methods of the legacy class of this name, which wrote to the tables itself, are accepted with
its argument orders and warn. docs/supabase.md compares them.
"""

from __future__ import annotations

import functools
import itertools
import uuid
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from campaigndb.calling.arguments import EnrichmentType, Identifier, Money, Service
from campaigndb.calling.results import (
    BatchInserted,
    BusinessForEnrichment,
    CampaignCreated,
    CampaignStatusUpdated,
    CampaignSummary,
    CostsTracked,
    CostTracked,
    EmailVerified,
    EnrichmentsUpdated,
)
from campaigndb.calling.retries import RetryPolicy
from campaigndb.http import supabase_store
from campaigndb.http.supabase_store import SupabaseStore

if TYPE_CHECKING:
    from supabase import Client

P = ParamSpec("P")
R = TypeVar("R")


def _of_store(
    method: Callable[Concatenate[SupabaseStore, P], R],
) -> Callable[Concatenate[GmapsSupabaseManager, P], R]:
    """Makes a method of the manager that calls the store's."""

    @functools.wraps(method)
    def call(manager: GmapsSupabaseManager, /, *arguments: P.args, **named: P.kwargs) -> R:
        result: R = getattr(manager.store, method.__name__)(*arguments, **named)
        return result

    return call


class GmapsSupabaseManager:
    """Each operation is one call of a stored function. Every method raises `StoredFunctionError`.

    Arguments and results are those of `SupabaseStore`, which is the attribute `store`. Results can
    also be read as mappings: `created["campaign_id"]`.

    Args:
        client: a client of the package `supabase`, or the project's URL.
        key: the service key, with a URL.
        policies: as for `SupabaseStore`.
        attempt_timeout: as for `SupabaseStore`.
    """

    def __init__(
        self,
        client: Client | str,
        key: str | None = None,
        *,
        policies: Mapping[str, RetryPolicy] | RetryPolicy | None = None,
        attempt_timeout: float | None = None,
    ) -> None:
        if isinstance(client, str):
            if key is None:
                raise TypeError("with a URL, GmapsSupabaseManager needs the service key")
            client = supabase_store.create_client(client, key)
        elif key is not None:
            raise TypeError("GmapsSupabaseManager takes a client, or a URL and a key")
        self.store = SupabaseStore(client, policies=policies, attempt_timeout=attempt_timeout)

    create_campaign = _of_store(SupabaseStore.create_campaign_with_coverage)
    update_campaign_statistics = _of_store(SupabaseStore.update_campaign_statistics)
    track_campaign_cost = _of_store(SupabaseStore.track_campaign_cost)
    track_campaign_costs = _of_store(SupabaseStore.track_campaign_costs_batch)
    update_coverage_status = _of_store(SupabaseStore.update_coverage_status)
    save_enrichments = _of_store(SupabaseStore.update_enrichment_batch)
    update_email_verification = _of_store(SupabaseStore.update_email_verification)
    iter_businesses_for_enrichment = _of_store(SupabaseStore.iter_businesses_for_enrichment)
    get_campaign = _of_store(SupabaseStore.get_campaign)

    def save_businesses(
        self, campaign_id: Identifier, zip_code: str | None, businesses: Iterable[Any]
    ) -> BatchInserted:
        """`insert_businesses_batch`: the scraper's records as they are.

        If the businesses are the first argument, it warns and uses the legacy order.
        """
        given: Any = campaign_id
        if not isinstance(given, (str, uuid.UUID, type(None))):
            old = "save_businesses(businesses, campaign_id, zip_code)"
            _warn(old, "(campaign_id, zip_code, businesses)")
            legacy: tuple[Any, ...] = zip_code, businesses
            (campaign_id, zip_code), businesses = legacy, given
        return self.store.insert_businesses_batch(campaign_id, zip_code, businesses)

    def get_businesses_for_enrichment(
        self,
        campaign_id: Identifier,
        enrichment_type: EnrichmentType | str | int | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[BusinessForEnrichment, ...]:
        """The first businesses of an enrichment queue, oldest first.

        Without a type, or with the limit in its place, it warns and uses Facebook's queue.
        """
        if enrichment_type is None or isinstance(enrichment_type, int):
            _warn("get_businesses_for_enrichment(campaign_id, limit)", '(campaign_id, "facebook")')
            limit = limit if enrichment_type is None else enrichment_type
            enrichment_type = "facebook"
        return self.store.get_businesses_for_enrichment(campaign_id, enrichment_type, limit, offset)

    # The stored functions' names, and those of the legacy class.

    def create_campaign_with_coverage(
        self,
        campaign_data: Mapping[str, Any],
        zip_codes: Iterable[Mapping[str, Any] | str] | None = None,
    ) -> CampaignCreated:
        """Deprecated: `create_campaign`."""
        _warn("create_campaign_with_coverage", "create_campaign")
        return self.create_campaign(campaign_data, zip_codes)

    def insert_businesses_batch(
        self, campaign_id: Identifier, zip_code: str | None, businesses: Iterable[Any]
    ) -> BatchInserted:
        """Deprecated: `save_businesses`."""
        _warn("insert_businesses_batch", "save_businesses")
        return self.save_businesses(campaign_id, zip_code, businesses)

    def update_enrichment_batch(
        self, enrichment_type: EnrichmentType | str, enrichments: Iterable[Any]
    ) -> EnrichmentsUpdated:
        """Deprecated: `save_enrichments`."""
        _warn("update_enrichment_batch", "save_enrichments")
        return self.save_enrichments(enrichment_type, enrichments)

    def track_campaign_costs_batch(self, costs: Iterable[Mapping[str, Any]]) -> CostsTracked:
        """Deprecated: `track_campaign_costs`."""
        _warn("track_campaign_costs_batch", "track_campaign_costs")
        return self.track_campaign_costs(costs)

    def track_api_cost(
        self,
        campaign_id: Identifier,
        service: Service | str,
        items: int,
        cost_usd: Money,
        metadata: Mapping[str, Any] | None = None,
    ) -> CostTracked:
        """Deprecated: `track_campaign_cost`."""
        _warn("track_api_cost", "track_campaign_cost")
        return self.track_campaign_cost(campaign_id, service, items, cost_usd, metadata)

    def get_all_businesses(
        self, campaign_id: Identifier, limit: int | None = None
    ) -> tuple[BusinessForEnrichment, ...]:
        """Deprecated: the LinkedIn queue, `iter_businesses_for_enrichment(…, "linkedin")`."""
        _warn("get_all_businesses", "iter_businesses_for_enrichment")
        queue = self.iter_businesses_for_enrichment(campaign_id, "linkedin", limit or 100)
        return tuple(itertools.islice(queue, limit))

    def save_facebook_enrichment(
        self,
        business_id: Identifier,
        campaign_id: Identifier,
        enrichment_data: Mapping[str, Any],
    ) -> EnrichmentsUpdated:
        """Deprecated: `save_enrichments`, which takes many at once."""
        _warn("save_facebook_enrichment", "save_enrichments")
        return self.save_enrichments("facebook", [{**enrichment_data, "business_id": business_id}])

    def save_linkedin_enrichment(
        self,
        business_id: Identifier,
        campaign_id: Identifier,
        enrichment_data: Mapping[str, Any],
    ) -> EnrichmentsUpdated:
        """Deprecated: `save_enrichments`, which takes many at once."""
        _warn("save_linkedin_enrichment", "save_enrichments")
        return self.save_enrichments("linkedin", [{**enrichment_data, "business_id": business_id}])

    def update_google_maps_verification(
        self, business_id: Identifier, verification_data: Mapping[str, Any]
    ) -> EmailVerified:
        """Deprecated: `update_email_verification`. A verdict belongs to its address."""
        return self._update_verification("google_maps", business_id, verification_data)

    def update_facebook_verification(
        self, business_id: Identifier, verification_data: Mapping[str, Any]
    ) -> EmailVerified:
        """Deprecated: `update_email_verification`. A verdict belongs to its address."""
        return self._update_verification("facebook", business_id, verification_data)

    def update_linkedin_verification(
        self, business_id: Identifier, verification_data: Mapping[str, Any]
    ) -> EmailVerified:
        """Deprecated: `update_email_verification`. A verdict belongs to its address."""
        return self._update_verification("linkedin", business_id, verification_data)

    def _update_verification(
        self, source: str, business_id: Identifier, verification_data: Mapping[str, Any]
    ) -> EmailVerified:
        _warn(f"update_{source}_verification", "update_email_verification", stacklevel=4)
        email = verification_data.get("email")
        return self.update_email_verification(business_id, email, verification_data)  # type: ignore[arg-type]

    def get_campaigns(self) -> tuple[CampaignSummary, ...]:
        """Deprecated: `store.list_campaigns`."""
        _warn("get_campaigns", "store.list_campaigns")
        return self.store.list_campaigns(1000)

    def update_campaign(
        self, campaign_id: Identifier, updates: Mapping[str, Any]
    ) -> CampaignStatusUpdated:
        """Deprecated: `store.update_campaign_status`. Totals and times follow by themselves.

        Raises:
            TypeError: `updates` names more than the status.
        """
        _warn("update_campaign", "store.update_campaign_status")
        if list(updates) != ["status"]:
            raise TypeError(f"update_campaign sets the status alone, not {', '.join(updates)}")
        return self.store.update_campaign_status(campaign_id, updates["status"])


def _warn(old: str, new: str, stacklevel: int = 3) -> None:
    message = f"GmapsSupabaseManager.{old} is deprecated: {new}"
    warnings.warn(message, DeprecationWarning, stacklevel=stacklevel)
