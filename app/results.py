"""What the stored functions return, as frozen classes with the envelope's fields."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

Envelope = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignCreated:
    """A campaign with its coverage; `replayed` where the id existed before the call."""

    success: ClassVar[bool] = True
    campaign_id: uuid.UUID
    zip_count: int
    duplicate_zip_count: int
    replayed: bool

    @classmethod
    def from_envelope(cls, envelope: Envelope) -> CampaignCreated:
        return cls(
            campaign_id=uuid.UUID(envelope["campaign_id"]),
            zip_count=envelope["zip_count"],
            duplicate_zip_count=envelope["duplicate_zip_count"],
            replayed=envelope["replayed"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRecord:
    """A scraped record that could not be stored: its index in the batch, and why."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchInserted:
    """What became of a batch: inserted + updated + skipped = total.

    `skipped` holds unchanged records, earlier ones of the same place, those of places that
    another campaign owns (`skipped_other_campaign`), and `rejected` ones.
    """

    success: ClassVar[bool] = True
    inserted: int
    updated: int
    skipped: int
    total: int
    skipped_other_campaign: int
    rejected: tuple[RejectedRecord, ...]

    @classmethod
    def from_envelope(cls, envelope: Envelope) -> BatchInserted:
        return cls(
            inserted=envelope["inserted"],
            updated=envelope["updated"],
            skipped=envelope["skipped"],
            total=envelope["total"],
            skipped_other_campaign=envelope["skipped_other_campaign"],
            rejected=tuple(RejectedRecord(**item) for item in envelope["rejected"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignStatistics:
    """A campaign's counters as they were just written."""

    success: ClassVar[bool] = True
    total_businesses: int
    total_emails: int
    total_facebook_pages: int
    total_linkedin_profiles: int
    total_verified_emails: int

    @classmethod
    def from_envelope(cls, envelope: Envelope) -> CampaignStatistics:
        return cls(
            total_businesses=envelope["total_businesses"],
            total_emails=envelope["total_emails"],
            total_facebook_pages=envelope["total_facebook_pages"],
            total_linkedin_profiles=envelope["total_linkedin_profiles"],
            total_verified_emails=envelope["total_verified_emails"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CostTracked:
    """A ledger entry; `new_total` is the campaign's actual cost (USD) right after it."""

    success: ClassVar[bool] = True
    cost_id: uuid.UUID
    new_total: Decimal
    service: str
    replayed: bool

    @classmethod
    def from_envelope(cls, envelope: Envelope) -> CostTracked:
        return cls(
            cost_id=uuid.UUID(envelope["cost_id"]),
            new_total=Decimal(envelope["new_total"]),
            service=envelope["service"],
            replayed=envelope["replayed"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedCost:
    """One entry of a batch, in the batch's order; `new_total` as in `CostTracked`."""

    campaign_id: uuid.UUID
    cost_id: uuid.UUID
    new_total: Decimal
    service: str
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CostsTracked:
    """A batch of costs, all of them in the ledger."""

    success: ClassVar[bool] = True
    costs: tuple[TrackedCost, ...]

    @classmethod
    def from_envelope(cls, envelope: Envelope) -> CostsTracked:
        return cls(
            costs=tuple(
                TrackedCost(
                    campaign_id=uuid.UUID(cost["campaign_id"]),
                    cost_id=uuid.UUID(cost["cost_id"]),
                    new_total=Decimal(cost["new_total"]),
                    service=cost["service"],
                    replayed=cost["replayed"],
                )
                for cost in envelope["costs"]
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageUpdated:
    """A ZIP code marked as scraped."""

    success: ClassVar[bool] = True
    campaign_id: uuid.UUID
    zip_code: str
    businesses_found: int
    emails_found: int

    @classmethod
    def from_envelope(cls, envelope: Envelope) -> CoverageUpdated:
        return cls(
            campaign_id=uuid.UUID(envelope["campaign_id"]),
            zip_code=envelope["zip_code"],
            businesses_found=envelope["businesses_found"],
            emails_found=envelope["emails_found"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichmentFailure:
    """An enrichment that was not applied: its index, the business it named, and why."""

    index: int
    business_id: Any
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichmentsUpdated:
    """What became of a batch: updated + failed + superseded = number of items.

    `superseded` are items followed by another one for the same business.
    """

    success: ClassVar[bool] = True
    updated: int
    failed: int
    superseded: int
    enrichment_type: str
    failures: tuple[EnrichmentFailure, ...]

    @classmethod
    def from_envelope(cls, envelope: Envelope) -> EnrichmentsUpdated:
        return cls(
            updated=envelope["updated"],
            failed=envelope["failed"],
            superseded=envelope["superseded"],
            enrichment_type=envelope["enrichment_type"],
            failures=tuple(EnrichmentFailure(**item) for item in envelope["failures"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailVerified:
    """An email's verification as it was just stored."""

    success: ClassVar[bool] = True
    business_id: uuid.UUID
    email: str
    status: str
    is_safe: bool
    replayed: bool

    @classmethod
    def from_envelope(cls, envelope: Envelope) -> EmailVerified:
        return cls(
            business_id=uuid.UUID(envelope["business_id"]),
            email=envelope["email"],
            status=envelope["status"],
            is_safe=envelope["is_safe"],
            replayed=envelope["replayed"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessForEnrichment:
    """One business of an enrichment queue."""

    business_id: uuid.UUID
    campaign_id: uuid.UUID
    place_id: str
    name: str
    address: str | None
    city: str | None
    state: str | None
    postal_code: str | None
    phone: str | None
    website: str | None
    email: str | None
    facebook_url: str | None
    linkedin_url: str | None
    enrichment_status: str
    enrichment_attempts: int
    needs_enrichment: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePage:
    """One page of an enrichment queue and where the next one starts; None at the end."""

    businesses: tuple[BusinessForEnrichment, ...]
    next_position: tuple[datetime.datetime, uuid.UUID] | None
