"""Results of the stored functions: frozen classes with the envelope's fields.

Each field is an attribute and, as in the envelope, an item: `result.campaign_id` is
`result["campaign_id"]`. Unknown fields, such as those of a newer release, are ignored.
"""

from __future__ import annotations

import datetime
import types
import typing
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar, Self

Envelope = Mapping[str, Any]
Position = tuple[datetime.datetime, uuid.UUID]

# Converts the JSON of one field to the field's type.
_Reader = Callable[[Any], Any]


class Record(Mapping[str, Any]):
    """Fields that can be read as attributes and as items."""

    __slots__ = ()

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Reads the fields of an envelope or a row.

        Raises:
            KeyError, TypeError, ValueError: a field is missing or has the wrong type.
        """
        found = {}
        for name, read, is_optional in _readers(cls):
            if is_optional and name not in values:
                continue
            value = values[name]
            found[name] = value if read is None or value is None else read(value)
        return cls(**found)

    @classmethod
    def from_rows(cls, rows: Sequence[Mapping[str, Any]]) -> tuple[Self, ...]:
        """Reads each row as `from_mapping` does."""
        return tuple(map(cls.from_mapping, rows))

    def __getitem__(self, name: str) -> Any:
        if name not in _names(type(self)):
            raise KeyError(name)
        return getattr(self, name)

    def __iter__(self) -> Iterator[str]:
        return iter(_names(type(self)))

    def __len__(self) -> int:
        return len(_names(type(self)))


class Result(Record):
    """The result of a successful call."""

    __slots__ = ()

    success: ClassVar[bool] = True

    def __getitem__(self, name: str) -> Any:
        return True if name == "success" else super().__getitem__(name)

    def __iter__(self) -> Iterator[str]:
        yield "success"
        yield from super().__iter__()

    def __len__(self) -> int:
        return 1 + super().__len__()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told(Result):
    """A result with a `message`, a sentence for people that says what was done."""

    message: str | None = field(default=None, compare=False)


def _uuid(value: Any) -> uuid.UUID:
    return value if isinstance(value, uuid.UUID) else uuid.UUID(value)


def _time(value: Any) -> datetime.datetime:
    is_time = isinstance(value, datetime.datetime)
    return value if is_time else datetime.datetime.fromisoformat(value)


_READERS: Mapping[Any, _Reader] = {
    uuid.UUID: _uuid,
    Decimal: Decimal,
    float: float,
    datetime.datetime: _time,
}


@cache
def _names(cls: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cls))


@cache
def _readers(cls: type[Any]) -> tuple[tuple[str, _Reader | None, bool], ...]:
    """Each field's name, its reader, and whether the field may be missing."""
    hints = typing.get_type_hints(cls)
    return tuple(
        (
            field.name,
            _reader(hints[field.name]),
            field.default is not MISSING or field.default_factory is not MISSING,
        )
        for field in fields(cls)
    )


def _reader(hint: Any) -> _Reader | None:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(each for each in typing.get_args(hint) if each is not type(None))
    if hint in _READERS:
        return _READERS[hint]
    if isinstance(hint, type) and issubclass(hint, Record):
        return hint.from_mapping
    if typing.get_origin(hint) is tuple:
        read = _reader(typing.get_args(hint)[0])
        return tuple if read is None else lambda items: tuple(map(read, items))
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignCreated(Told):
    """A new campaign and its coverage. `replayed`: the id existed before the call."""

    campaign_id: uuid.UUID
    zip_count: int
    duplicate_zip_count: int
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRecord(Record):
    """A scraped record that could not be stored: its index in the batch and the reason."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchInserted(Told):
    """The outcome of a batch: inserted + updated + skipped = total.

    `skipped` counts unchanged records, records followed by another one of the same place, those of
    places that another campaign owns (`skipped_other_campaign`), and `rejected` ones. Of the known
    places, `closed` have closed and `first_emails` have received their first email address.
    `new_emails` counts addresses that were not known at their place.
    """

    inserted: int
    updated: int
    skipped: int
    total: int
    skipped_other_campaign: int
    closed: int = 0
    first_emails: int = 0
    new_emails: int = 0
    rejected: tuple[RejectedRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignStatistics(Told):
    """A campaign's counters, as just written."""

    total_businesses: int
    total_emails: int
    total_facebook_pages: int
    total_linkedin_profiles: int
    total_verified_emails: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CostTracked(Told):
    """A ledger entry. `new_total` is the campaign's actual cost (USD) after it."""

    cost_id: uuid.UUID
    new_total: Decimal
    service: str
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedCost(Record):
    """One entry of a batch, in the batch's order. `new_total` as in `CostTracked`."""

    campaign_id: uuid.UUID
    cost_id: uuid.UUID
    new_total: Decimal
    service: str
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CostsTracked(Result):
    """A batch of costs, all of which are in the ledger."""

    costs: tuple[TrackedCost, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageUpdated(Told):
    """A ZIP code marked as scraped."""

    campaign_id: uuid.UUID
    zip_code: str
    businesses_found: int
    emails_found: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichmentFailure(Record):
    """An enrichment that was not applied: its index, the business it names, and the reason."""

    index: int
    business_id: Any
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichmentsUpdated(Told):
    """The outcome of a batch: updated + failed + superseded = number of items.

    `superseded` counts items that were followed by another one for the same business. `late` counts
    items of a worker whose lease had ended, so that another worker holds the business.
    """

    updated: int
    failed: int
    superseded: int
    enrichment_type: str
    failures: tuple[EnrichmentFailure, ...]
    late: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailVerified(Told):
    """An email's verification, as just stored."""

    business_id: uuid.UUID
    email: str
    status: str
    is_safe: bool
    replayed: bool
    # The verifier's status, if it is not recognised and was stored as "unknown".
    unrecognised_status: str | None = None
    # Whether another worker holds the address.
    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationFailure(Record):
    """A verifier's answer that was not stored: its index, the business it names, and the reason."""

    index: int
    business_id: Any
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailVerificationsUpdated(Told):
    """The outcome of a batch: updated + failed = number of answers.

    `unrecognised_statuses` are the statuses that are not recognised and were stored as "unknown".
    `late` counts answers of a worker whose lease had ended, so that another worker holds the
    address.
    """

    updated: int
    failed: int
    failures: tuple[VerificationFailure, ...]
    unrecognised_statuses: tuple[str, ...]
    late: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedContact(Record):
    """A contact that was not understood. The reason does not quote it."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactsSuppressed(Result):
    """How many contacts are new on the list (`suppressed`), and how many were on it (`known`).

    `businesses` counts those that lost their email address or left the queues.
    """

    suppressed: int
    known: int
    businesses: int
    failed: int
    failures: tuple[RefusedContact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactsUnsuppressed(Result):
    """How many contacts were removed from the list, and how many were not on it (`unknown`)."""

    unsuppressed: int
    unknown: int
    businesses: int
    failed: int
    failures: tuple[RefusedContact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedContact(Record):
    """One contact: whether it is suppressed, by which kind of entry, why, and since when.

    `index` is its position in the given list. `problem` says why a contact was not understood.
    """

    index: int
    kind: str | None
    is_suppressed: bool
    by: str | None
    reason: str | None
    is_erased: bool
    since: datetime.datetime | None
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactsChecked(Result):
    """The given contacts in their order. A contact that names two things is listed twice."""

    contacts: tuple[CheckedContact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression(Record):
    """One entry of the list. Only domains and places have a `value`; the others are hashes."""

    entry: str
    kind: str
    value: str | None
    reason: str | None
    is_erased: bool
    created_at: datetime.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactErased(Result):
    """The number of rows that were deleted or changed, by table (`counts`) and in total (`erased`).

    `suppressed`: the address is new on the list.
    """

    suppressed: bool
    erased: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactData(Result):
    """The rows that hold an address, by table, as stored."""

    is_suppressed: bool
    is_erased: bool
    tables: Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessForEnrichment(Record):
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
class PlacesInQueue:
    """A page of an enrichment queue, and the positions of its businesses.

    Businesses may still be added at positions that this page has passed, but not before
    `complete_before`.
    """

    businesses: tuple[BusinessForEnrichment, ...]
    positions: tuple[int, ...]
    complete_before: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePage:
    """A page of an enrichment queue, and where the next page starts; None at the end."""

    businesses: tuple[BusinessForEnrichment, ...]
    next_position: Position | None


def read_queue_page(rows: Sequence[Mapping[str, Any]]) -> QueuePage:
    """Reads a page; its last row says where the next page starts."""
    position = None
    if rows:
        position = _time(rows[-1]["created_at"]), _uuid(rows[-1]["business_id"])
    return QueuePage(businesses=BusinessForEnrichment.from_rows(rows), next_position=position)


def read_places_in_queue(rows: Sequence[Mapping[str, Any]]) -> PlacesInQueue:
    """Reads a page with the positions of its businesses."""
    return PlacesInQueue(
        businesses=BusinessForEnrichment.from_rows(rows),
        positions=tuple(row["queue_position"] for row in rows),
        complete_before=rows[0]["complete_before"] if rows else 0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailForVerification(Record):
    """One address to verify, and the business where it was found."""

    business_id: uuid.UUID
    email: str
    source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipCodeToScrape(Record):
    """One ZIP code of a campaign's coverage."""

    zip_code: str
    keywords: tuple[str, ...]
    max_results: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Result):
    """The fields that all claims have in common.

    Attributes:
        leased_until: the end of the lease. Until then no other worker gets the items.
        budget_left: in USD, after costs and reservations; None without a budget.
        budget_exhausted: whether the budget did not allow more items.
        campaign_status: a campaign that is paused, completed or failed hands out no items.
    """

    leased_until: datetime.datetime
    budget_left: Decimal | None
    budget_exhausted: bool
    campaign_status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessesClaimed(Claim):
    """Businesses to look up."""

    businesses: tuple[BusinessForEnrichment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailsClaimed(Claim):
    """Addresses to verify."""

    emails: tuple[EmailForVerification, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageClaimed(Claim):
    """ZIP codes to scrape."""

    zip_codes: tuple[ZipCodeToScrape, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsExtended(Result):
    """The number of leases that were extended to `leased_until`."""

    extended: int
    leased_until: datetime.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsReleased(Result):
    """The number of items that the worker gave back."""

    released: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupsRetried(Result):
    """The number of given-up lookups that are due again."""

    retried: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignStatusUpdated(Result):
    """A campaign's status, and when it started and ended."""

    campaign_id: uuid.UUID
    status: str
    started_at: datetime.datetime | None
    completed_at: datetime.datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignBudgetUpdated(Result):
    """A campaign's budget and what is left of it, in USD; None without a budget."""

    campaign_id: uuid.UUID
    budget_usd: Decimal | None
    spent: Decimal
    reserved: Decimal
    budget_left: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLeases(Record):
    """What one worker holds in one queue. `worker` is None for claims without a name."""

    kind: str
    worker: str | None
    held: int
    claimed_at: datetime.datetime
    leased_until: datetime.datetime
    reserved: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatus(Record):
    """The number of unfinished items in one queue, by their state."""

    kind: str
    unfinished: int
    held: int
    lease_ended: int
    due: int
    waiting: int
    next_due_at: datetime.datetime | None
    failed: int
    reserved: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedLookup(Record):
    """A lookup that was given up, and the reason."""

    kind: str
    business_id: uuid.UUID | None
    zip_code: str | None
    attempts: int
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkStatus(Result):
    """A campaign's leases, queues, given-up lookups and budget."""

    campaign_id: uuid.UUID
    status: str
    budget_usd: Decimal | None
    spent: Decimal
    reserved: Decimal
    budget_left: Decimal | None
    leases: tuple[WorkerLeases, ...]
    queues: tuple[QueueStatus, ...]
    failed: tuple[FailedLookup, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignSummary(Record):
    """One campaign of a list. Money is in USD."""

    campaign_id: uuid.UUID
    name: str
    description: str | None
    status: str
    location: str | None
    actual_zip_count: int
    total_businesses_found: int
    total_emails_found: int
    total_verified_emails: int
    estimated_cost: Decimal | None
    actual_cost: Decimal
    created_at: datetime.datetime
    updated_at: datetime.datetime
    started_at: datetime.datetime | None
    completed_at: datetime.datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageCounts(Record):
    """How many of a campaign's ZIP codes are scraped, and what was found in them."""

    zip_codes: int
    scraped: int
    businesses_found: int
    emails_found: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLengths(Record):
    """The number of unfinished items: lookups, emails to verify, ZIP codes to scrape."""

    facebook: int
    linkedin: int
    verification: int
    coverage: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCosts(Record):
    """The cost of each service, in USD."""

    google_maps: Decimal
    facebook: Decimal
    linkedin: Decimal
    bouncer: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedExport(Record):
    """One export of a campaign's leads. `exported_at` is when it started to read."""

    id: uuid.UUID
    exported_at: datetime.datetime
    leads: int
    format: str
    preset: str | None
    filter: Mapping[str, Any]
    exported_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignDetails(Result):
    """A campaign with its totals (from the last statistics), queues and leads. Money is in USD.

    `leads` counts leads that are ready: safe addresses of open places. `exports` holds the newest
    100, the last one first.
    """

    campaign_id: uuid.UUID
    name: str
    description: str | None
    keywords: tuple[str, ...]
    location: str | None
    coverage_profile: str
    custom_zip_codes: tuple[str, ...] | None
    status: str
    target_zip_count: int
    actual_zip_count: int
    coverage_percentage: Decimal | None
    estimated_cost: Decimal | None
    organization_id: uuid.UUID | None
    created_by: str | None
    verdict_max_age_days: int
    budget_usd: Decimal | None
    max_lookup_attempts: int
    total_businesses_found: int
    total_emails_found: int
    total_facebook_pages_found: int
    total_linkedin_profiles_found: int
    total_verified_emails: int
    actual_cost: Decimal
    created_at: datetime.datetime
    updated_at: datetime.datetime
    started_at: datetime.datetime | None
    completed_at: datetime.datetime | None
    coverage: CoverageCounts
    queues: QueueLengths
    leads: int
    costs: ServiceCosts
    exports: tuple[LoggedExport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead(Record):
    """One business with its chosen address and everything that is known about it.

    `created_at` and `business_id` are its position; the next page starts after it. `changed_at` is
    when its address or the address's verdict last changed.
    """

    business_id: uuid.UUID
    campaign_id: uuid.UUID
    created_at: datetime.datetime
    place_id: str
    cid: str | None
    name: str
    address: str | None
    city: str | None
    state: str | None
    postal_code: str | None
    country: str | None
    zip_code: str | None
    latitude: float | None
    longitude: float | None
    phone: str | None
    facebook_phones: tuple[str, ...]
    linkedin_phones: tuple[str, ...]
    website: str | None
    email: str | None
    email_source: str | None
    email_verified: bool
    bouncer_status: str | None
    bouncer_score: Decimal | None
    is_safe: bool | None
    is_disposable: bool | None
    is_role_based: bool | None
    is_free_email: bool | None
    bouncer_verified_at: datetime.datetime | None
    category: str | None
    categories: tuple[str, ...]
    description: str | None
    rating: Decimal | None
    reviews_count: int | None
    price_level: str | None
    hours: Any
    business_status: str | None
    facebook_url: str | None
    linkedin_url: str | None
    instagram_url: str | None
    twitter_url: str | None
    page_name: str | None
    page_likes: int | None
    page_followers: int | None
    person_name: str | None
    person_title: str | None
    person_profile_url: str | None
    company_name: str | None
    icebreaker: str | None
    subject_line: str | None
    scraped_at: datetime.datetime
    changed_at: datetime.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadTextsSet(Result):
    """The outcome of a batch of texts: updated + failed = number of items."""

    updated: int
    failed: int
    failures: tuple[EnrichmentFailure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportLogged(Result):
    """An export in the campaign's log. `replayed`: it was there before the call."""

    export_id: uuid.UUID
    campaign_id: uuid.UUID
    replayed: bool
