# Made of methods_async.py by `make generate`. Edit that file.
"""The stored functions as methods.

`StoredFunctions` defines the methods. Its subclasses define where a call runs: in its own
transaction or in the caller's, see `campaigndb.calling.store`.
"""

from __future__ import annotations

import datetime
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from campaigndb.calling import catalogue, results
from campaigndb.calling.arguments import (
    Call,
    EnrichmentType,
    Identifier,
    Money,
    Service,
    prepare,
)

R = TypeVar("R")


class StoredFunctions(ABC):
    """The stored functions as methods.

    Each method lists its own errors. All methods also raise `ConflictError`, `CallTimeoutError`,
    `DatabaseConnectionError` and their base class, `StoredFunctionError`.
    """

    # Whether a page may have fewer rows than its limit although more rows follow.
    _pages_may_be_cut = False

    @abstractmethod
    def _run(self, call: Call[R]) -> R:
        """Runs one logical call."""

    def _call(self, function: catalogue.StoredFunction[R], *arguments: Any) -> R:
        """Calls a function with its arguments in the order of its parameters."""
        return self._run(prepare(function, arguments, self._new_key()))

    def _new_key(self) -> uuid.UUID:
        """A new idempotency key, by which a repeated call is recognised."""
        return uuid.uuid4()

    def create_campaign_with_coverage(
        self,
        campaign_data: Mapping[str, Any],
        zip_codes: Iterable[Mapping[str, Any] | str] | None = None,
    ) -> results.CampaignCreated:
        """Creates a campaign and its coverage, all or nothing.

        Args:
            campaign_data: `name`, and optionally `id`, `description`, `keywords`, `location`,
                `coverage_profile`, `custom_zip_codes`, `status`, `target_zip_count`,
                `coverage_percentage`, `estimated_cost` (USD), `organization_id`, `created_by`.
                If the id exists, that campaign is returned (`replayed`).
            zip_codes: strings, or objects with `zip_code` (or `zip`) and optionally `keywords`,
                `max_results`, `estimated_cost` (USD). Duplicates collapse.

        Raises:
            InvalidInputError: a value has the wrong type, or the name is missing.
            DuplicateRecordError: the id is another campaign's.
        """
        return self._call(catalogue.CREATE_CAMPAIGN_WITH_COVERAGE, campaign_data, zip_codes)

    def insert_businesses_batch(
        self, campaign_id: Identifier, zip_code: str | None, businesses: Iterable[Any]
    ) -> results.BatchInserted:
        """Inserts or updates scraped businesses; unreadable records are skipped and listed.

        Args:
            campaign_id: the campaign that owns the new businesses.
            zip_code: the ZIP code that was searched.
            businesses: the scraper's records unchanged, or with the table's column names. With
                `{"items": records, "all_or_nothing": True}` one bad record fails the batch.

        Raises:
            InvalidInputError: the businesses are not a list, or the ZIP code is too long.
            MissingReferenceError: the campaign does not exist.
        """
        return self._call(catalogue.INSERT_BUSINESSES_BATCH, campaign_id, zip_code, businesses)

    def update_campaign_statistics(self, campaign_id: Identifier) -> results.CampaignStatistics:
        """Counts the campaign's businesses and stores the counts in the campaign.

        Raises:
            MissingReferenceError: the campaign does not exist.
        """
        return self._call(catalogue.UPDATE_CAMPAIGN_STATISTICS, campaign_id)

    def track_campaign_cost(
        self,
        campaign_id: Identifier,
        service: Service | str,
        items_processed: int,
        cost_usd: Money,
        metadata: Mapping[str, Any] | None = None,
    ) -> results.CostTracked:
        """Adds one entry to the cost ledger and to the campaign's totals. SERIALIZABLE.

        Args:
            campaign_id: the campaign that pays.
            service: `google_maps`, `facebook`, `linkedin` or `bouncer`.
            items_processed: 0 or more.
            cost_usd: 0 or more, rounded to 4 decimals; Decimal, int or str, never float.
            metadata: an object that is kept with the entry. A call with the same
                `idempotency_key` returns the first result (`replayed`). The key is created here
                unless it is given.

        Raises:
            InvalidInputError: an unknown service, or an invalid amount or count.
            MissingReferenceError: the campaign does not exist.
            DuplicateRecordError: the key was used with another payload.
            IsolationLevelError: the store is bound to a transaction that is not SERIALIZABLE.
        """
        return self._call(
            catalogue.TRACK_CAMPAIGN_COST, campaign_id, service, items_processed, cost_usd, metadata
        )

    def track_campaign_costs_batch(
        self, costs: Iterable[Mapping[str, Any]]
    ) -> results.CostsTracked:
        """Adds many entries to the cost ledger in one transaction: all or none. SERIALIZABLE.

        Args:
            costs: objects with `campaign_id`, `service`, `items_processed`, `cost_usd` and
                optionally `metadata`, each as in `track_campaign_cost`; campaigns may differ.

        Raises:
            InvalidInputError, MissingReferenceError, DuplicateRecordError, IsolationLevelError:
                as `track_campaign_cost`. The detail says which cost.
        """
        return self._call(catalogue.TRACK_CAMPAIGN_COSTS_BATCH, costs)

    def update_coverage_status(
        self,
        campaign_id: Identifier,
        zip_code: str,
        businesses_found: int,
        emails_found: int,
        actual_cost: Money,
    ) -> results.CoverageUpdated:
        """Marks a ZIP code as scraped, with what was found and its cost (USD). Sets, does not add.

        Raises:
            InvalidInputError: a negative or invalid count or cost.
            MissingReferenceError: the campaign has no such ZIP code.
        """
        arguments = [campaign_id, zip_code, businesses_found, emails_found, actual_cost]
        return self._call(catalogue.UPDATE_COVERAGE_STATUS, *arguments)

    def update_enrichment_batch(
        self, enrichment_type: EnrichmentType | str, enrichments: Iterable[Any]
    ) -> results.EnrichmentsUpdated:
        """Stores the results of an enrichment and applies them to the businesses.

        Args:
            enrichment_type: `facebook` or `linkedin`.
            enrichments: the scraper's items unchanged, each with `business_id`. Items that cannot
                be applied are counted and listed; the others are stored. With
                `{"items": enrichments, "all_or_nothing": True}` one bad item fails the batch.

        Raises:
            InvalidInputError: an unknown type, or the enrichments are not a list.
            MissingReferenceError: with `all_or_nothing`, a business does not exist.
        """
        return self._call(catalogue.UPDATE_ENRICHMENT_BATCH, enrichment_type, enrichments)

    def update_email_verification(
        self, business_id: Identifier, email: str, verification_data: Mapping[str, Any]
    ) -> results.EmailVerified:
        """Stores a verifier's answer for an address, at every business that holds it.

        Args:
            business_id: the business whose address was verified.
            email: an address that the business holds or held before.
            verification_data: the verifier's answer unchanged, or `status` and the log's columns.

        Raises:
            InvalidInputError: the data are not an object, or have no status.
            MissingReferenceError: the business does not exist, or never held the email.
        """
        return self._call(
            catalogue.UPDATE_EMAIL_VERIFICATION, business_id, email, verification_data
        )

    def update_email_verifications_batch(
        self, verifications: Iterable[Any]
    ) -> results.EmailVerificationsUpdated:
        """Stores many verifiers' answers, each as `update_email_verification` does.

        Args:
            verifications: answers unchanged, each with `business_id` and `email`. Answers that
                cannot be stored are counted and listed; the others are stored. With
                `{"items": verifications, "all_or_nothing": True}` one bad answer fails the batch.

        Raises:
            InvalidInputError: the answers are not a list.
            MissingReferenceError: with `all_or_nothing`, a business does not exist.
        """
        return self._call(catalogue.UPDATE_EMAIL_VERIFICATIONS_BATCH, verifications)

    def suppress_contacts(
        self, contacts: Iterable[Mapping[str, Any] | str]
    ) -> results.ContactsSuppressed:
        """Removes contacts from all claims and leads, at once and for good.

        Args:
            contacts: addresses as strings, or objects with `email`, `domain` (with its subdomains),
                `phone` or `place_id`, and optionally a `reason`. The domain of a whole provider
                (gmail.com) needs `"whole_provider": true`. Contacts that are not understood are
                counted and listed; the others are suppressed.

        Raises:
            InvalidInputError: the contacts are not a list, or the store is bound to a transaction
                that is not READ COMMITTED.
        """
        return self._call(catalogue.SUPPRESS_CONTACTS, contacts)

    def unsuppress_contacts(
        self, contacts: Iterable[Mapping[str, Any] | str]
    ) -> results.ContactsUnsuppressed:
        """Removes contacts from the list. Their addresses and places are used again.

        Args:
            contacts: as for `suppress_contacts`.

        Raises:
            InvalidInputError: the contacts are not a list, or the store is bound to a transaction
                that is not READ COMMITTED.
        """
        return self._call(catalogue.UNSUPPRESS_CONTACTS, contacts)

    def check_contacts(
        self, contacts: Iterable[Mapping[str, Any] | str]
    ) -> results.ContactsChecked:
        """Tells which contacts are suppressed, by their own entry or by that of their domain.

        Args:
            contacts: as for `suppress_contacts`.

        Raises:
            InvalidInputError: the contacts are not a list.
        """
        return self._call(catalogue.CHECK_CONTACTS, contacts)

    def list_suppressions(
        self, kind: str | None = None, limit: int = 1000, after: str | None = None
    ) -> tuple[results.Suppression, ...]:
        """A page of the suppression list, in no meaningful order, after the entry `after`.

        Args:
            kind: only `email`, `domain`, `phone` or `place`.
            limit: maximum number of entries.
            after: the `entry` of the last row of the previous page.

        Raises:
            InvalidInputError: an unknown kind, a limit below 1, or an invalid `after`.
        """
        return self._call(catalogue.LIST_SUPPRESSIONS, kind, limit, after)

    def erase_contact(self, email: str) -> results.ContactErased:
        """Erases an address from all tables, with the names and titles that came with it.

        The address is also suppressed: later records are stored without it. All tables are read.
        Writers wait meanwhile, unless the address was suppressed before with `"is_erased": true`.

        Raises:
            InvalidInputError: it is not a single address, or the store is bound to a transaction
                that is not READ COMMITTED.
        """
        return self._call(catalogue.ERASE_CONTACT, email)

    def get_contact(self, email: str) -> results.ContactData:
        """All rows that hold an address, as a copy for the person. All tables are read.

        Raises:
            InvalidInputError: it is not a single address.
        """
        return self._call(catalogue.GET_CONTACT, email)

    def get_businesses_for_enrichment(
        self,
        campaign_id: Identifier,
        enrichment_type: EnrichmentType | str,
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[results.BusinessForEnrichment, ...]:
        """One page of an enrichment queue, oldest first.

        Paging by offset skips businesses if the queue shrinks in between. To read a whole queue,
        use `iter_businesses_for_enrichment`.

        Raises:
            InvalidInputError: an unknown type, or a negative limit or offset.
            MissingReferenceError: the campaign does not exist.
        """
        return self._call(
            catalogue.GET_BUSINESSES_FOR_ENRICHMENT, campaign_id, enrichment_type, limit, offset
        )

    def iter_businesses_for_enrichment(
        self,
        campaign_id: Identifier,
        enrichment_type: EnrichmentType | str,
        page_size: int = 100,
    ) -> Iterator[results.BusinessForEnrichment]:
        """Each business of an enrichment queue once, even if the queue shrinks meanwhile.

        Reads `page_size` businesses at a time, each page at the same cost, and holds no
        transaction open in between. A business whose transaction began early and ended late is
        not missed. One that joins the end of the queue meanwhile may be left for the next call.

        Raises:
            InvalidInputError: an unknown type, or a negative page size.
            MissingReferenceError: the campaign does not exist.
        """
        # Businesses that were read while a transaction with an earlier position was running. The
        # next round reads them again.
        early: set[uuid.UUID] = set()
        start = 0
        while True:
            position, last, complete_before, found = start, None, None, 0
            while True:
                arguments = [campaign_id, enrichment_type, page_size, position, last]
                page = self._call(catalogue.GET_ENRICHMENT_QUEUE_PAGE, *arguments)
                if complete_before is None:
                    complete_before = page.complete_before
                for business, position in zip(page.businesses, page.positions, strict=True):
                    last = business.business_id
                    if last in early:
                        continue
                    if position >= complete_before:
                        early.add(last)
                    found += 1
                    yield business
                if len(page.businesses) < (1 if self._pages_may_be_cut else page_size):
                    break
            if not found:
                return
            # Read again from there, for what those transactions have added meanwhile.
            start = complete_before

    def claim_businesses_for_enrichment(
        self,
        campaign_id: Identifier,
        enrichment_type: EnrichmentType | str,
        limit: int = 100,
        worker: str | None = None,
        lease_seconds: int = 900,
        unit_cost_usd: Money | None = None,
    ) -> results.BusinessesClaimed:
        """Claims businesses to look up. No other worker gets them until their lease ends.

        Args:
            campaign_id: the campaign. A draft is started; one that is not running gives no items.
            enrichment_type: `facebook` or `linkedin`.
            limit: maximum number of items, up to 10,000.
            worker: a name for this process. Its next claim returns the items that it still holds
                first, so that a claim is safe to repeat. Without a name every claim is new.
            lease_seconds: the duration of the lease, up to a week.
            unit_cost_usd: the cost of one lookup, which is reserved in the campaign's budget.

        Raises:
            InvalidInputError: a value is out of range.
            MissingReferenceError: the campaign does not exist.
        """
        arguments = [campaign_id, enrichment_type, limit, worker, lease_seconds, unit_cost_usd]
        return self._call(catalogue.CLAIM_BUSINESSES_FOR_ENRICHMENT, *arguments)

    def claim_emails_for_verification(
        self,
        campaign_id: Identifier,
        limit: int = 100,
        worker: str | None = None,
        lease_seconds: int = 900,
        unit_cost_usd: Money | None = None,
    ) -> results.EmailsClaimed:
        """Claims addresses to verify, each once even if several businesses hold it.

        These are the chosen addresses of businesses. If one turns out to be undeliverable, the
        business' next address takes its place and comes with a later claim.

        Raises:
            InvalidInputError, MissingReferenceError: as `claim_businesses_for_enrichment`, which
                also explains the arguments.
        """
        arguments = [campaign_id, limit, worker, lease_seconds, unit_cost_usd]
        return self._call(catalogue.CLAIM_EMAILS_FOR_VERIFICATION, *arguments)

    def claim_coverage(
        self,
        campaign_id: Identifier,
        limit: int = 10,
        worker: str | None = None,
        lease_seconds: int = 3600,
        unit_cost_usd: Money | None = None,
    ) -> results.CoverageClaimed:
        """Claims ZIP codes to scrape.

        Raises:
            InvalidInputError, MissingReferenceError: as `claim_businesses_for_enrichment`, which
                also explains the arguments.
        """
        return self._call(
            catalogue.CLAIM_COVERAGE, campaign_id, limit, worker, lease_seconds, unit_cost_usd
        )

    def extend_claims(
        self, campaign_id: Identifier, worker: str, lease_seconds: int
    ) -> results.ClaimsExtended:
        """Extends the leases that a worker holds, except those that have ended.

        Raises:
            InvalidInputError: the worker is missing, or the seconds are out of range.
            MissingReferenceError: the campaign does not exist.
        """
        return self._call(catalogue.EXTEND_CLAIMS, campaign_id, worker, lease_seconds)

    def release_claims(self, campaign_id: Identifier, worker: str) -> results.ClaimsReleased:
        """Gives back the items that a worker holds. They are due at once; no attempt is counted.

        Raises:
            InvalidInputError: the worker is missing.
            MissingReferenceError: the campaign does not exist.
        """
        return self._call(catalogue.RELEASE_CLAIMS, campaign_id, worker)

    def retry_failed_lookups(self, campaign_id: Identifier, kind: str) -> results.LookupsRetried:
        """Makes given-up lookups due again.

        Args:
            campaign_id: the campaign.
            kind: `facebook`, `linkedin`, `verification` or `coverage`.

        Raises:
            InvalidInputError: an unknown kind.
            MissingReferenceError: the campaign does not exist.
        """
        return self._call(catalogue.RETRY_FAILED_LOOKUPS, campaign_id, kind)

    def update_campaign_status(
        self, campaign_id: Identifier, status: str
    ) -> results.CampaignStatusUpdated:
        """Sets a campaign's status and the times at which it started and ended.

        Args:
            campaign_id: the campaign.
            status: `draft`, `running`, `paused`, `completed` or `failed`.

        Raises:
            InvalidInputError: an unknown status.
            MissingReferenceError: the campaign does not exist.
        """
        return self._call(catalogue.UPDATE_CAMPAIGN_STATUS, campaign_id, status)

    def update_campaign_budget(
        self, campaign_id: Identifier, budget_usd: Money | None
    ) -> results.CampaignBudgetUpdated:
        """Sets a campaign's budget, in USD (None = no limit).

        A budget below the amount spent stops claims at once. Costs are still recorded.

        Raises:
            InvalidInputError: the budget is negative or not a number.
            MissingReferenceError: the campaign does not exist.
        """
        return self._call(catalogue.UPDATE_CAMPAIGN_BUDGET, campaign_id, budget_usd)

    def get_work_status(self, campaign_id: Identifier, limit: int = 100) -> results.WorkStatus:
        """A campaign's leases, queues, given-up lookups with their reasons, and budget.

        Args:
            campaign_id: the campaign.
            limit: maximum number of workers, and of failures.

        Raises:
            InvalidInputError: the limit is negative.
            MissingReferenceError: the campaign does not exist.
        """
        return self._call(catalogue.GET_WORK_STATUS, campaign_id, limit)

    def get_campaign(self, campaign_id: Identifier) -> results.CampaignDetails:
        """A campaign with its totals, coverage, queues, leads, costs and last exports.

        Raises:
            MissingReferenceError: the campaign does not exist.
        """
        return self._call(catalogue.GET_CAMPAIGN, campaign_id)

    def list_campaigns(
        self, limit: int = 100, after: Identifier | None = None
    ) -> tuple[results.CampaignSummary, ...]:
        """A page of campaigns, the newest first, after the campaign `after`.

        Raises:
            InvalidInputError: the limit is less than 1.
            MissingReferenceError: the campaign `after` does not exist.
        """
        return self._call(catalogue.LIST_CAMPAIGNS, limit, after)

    def get_campaign_leads(
        self,
        campaign_id: Identifier,
        filter: Mapping[str, Any] | None = None,
        limit: int = 1000,
        after_created_at: datetime.datetime | None = None,
        after_id: Identifier | None = None,
    ) -> tuple[results.Lead, ...]:
        """A page of a campaign's leads, the oldest first. Closed places are left out.

        Args:
            campaign_id: the campaign.
            filter: `emails`: `safe` (default), `verified`, `any` (an address with any verdict) or
                `none` (no address); `zip_codes` that were searched; `categories` in any letter
                case; `min_rating`; `since`: only changes since this time, which needs an offset;
                `duplicates`: `keep` (default), or `drop` for one lead per address, which reads
                the whole campaign for each page.
            limit: maximum number of leads.
            after_created_at: with `after_id`, the last lead of the previous page.
            after_id: its `business_id`.

        Raises:
            InvalidInputError: an unknown key or value in the filter, half a position, or a position
                in another campaign.
            MissingReferenceError: the campaign does not exist.
        """
        return self._call(
            catalogue.GET_CAMPAIGN_LEADS, campaign_id, filter, limit, after_created_at, after_id
        )

    def iter_leads(
        self,
        campaign_id: Identifier,
        filter: Mapping[str, Any] | None = None,
        page_size: int = 1000,
    ) -> Iterator[results.Lead]:
        """Each lead of a campaign once, whatever changes meanwhile; `filter` as above.

        Reads `page_size` leads at a time, each page at the same cost, and holds no transaction
        open in between. No lead is lost if an API cuts pages at its own limit.

        Raises:
            InvalidInputError, MissingReferenceError: as `get_campaign_leads`.
        """
        position: results.Position | None = None
        while True:
            created_at, business_id = position or (None, None)
            page = self.get_campaign_leads(campaign_id, filter, page_size, created_at, business_id)
            yield from page
            if len(page) < (1 if self._pages_may_be_cut else page_size):
                return
            position = (page[-1].created_at, page[-1].business_id)

    def set_lead_texts(self, texts: Iterable[Any]) -> results.LeadTextsSet:
        """Stores the texts that a campaign writes to its leads.

        Args:
            texts: objects with `business_id` and `icebreaker`, `subject_line` or both. A missing
                field stays as it is; None or a blank text removes it. Items that cannot be stored
                are counted and listed; the others are stored.

        Raises:
            InvalidInputError: the texts are not a list.
        """
        return self._call(catalogue.SET_LEAD_TEXTS, texts)

    def log_export(
        self,
        campaign_id: Identifier,
        export_id: Identifier,
        exported_at: datetime.datetime,
        leads: int,
        export_format: str,
        preset: str | None = None,
        filter: Mapping[str, Any] | None = None,
        exported_by: str | None = None,
    ) -> results.ExportLogged:
        """Adds an export of leads to the campaign's log, which `get_campaign` returns.

        Args:
            campaign_id: the campaign.
            export_id: a new UUID. The same UUID again is the same entry.
            exported_at: when the export started to read.
            leads: the number of leads.
            export_format: for example `csv`.
            preset: the preset of its columns.
            filter: as for `get_campaign_leads`.
            exported_by: who exported; default: the role of the connection.

        Raises:
            InvalidInputError: a value is missing, or the filter is invalid.
            MissingReferenceError: the campaign does not exist.
            DuplicateRecordError: the id is another export's.
        """
        return self._call(
            catalogue.LOG_EXPORT,
            campaign_id,
            export_id,
            exported_at,
            leads,
            export_format,
            preset,
            filter,
            exported_by,
        )
