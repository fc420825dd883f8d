# Made of work_async.py by `make generate`. Edit that file.
"""The loop of a worker: claim a batch, hand it over, store its results with their cost."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, cast

from campaigndb.calling.arguments import Identifier, Money
from campaigndb.calling.heartbeats import Heartbeat, StoppedByTermination
from campaigndb.calling.results import (
    BusinessForEnrichment,
    Claim,
    EmailForVerification,
    EmailVerificationsUpdated,
    EnrichmentsUpdated,
    ZipCodeToScrape,
)

if TYPE_CHECKING:
    from campaigndb.calling.methods import StoredFunctions
    from campaigndb.calling.store import CampaignStore

WorkKind = Literal["facebook", "linkedin", "verification", "coverage"]
EndOfWork = Literal["empty", "budget_exhausted", "paused", "completed", "failed", "stopped"]
WorkItem: TypeAlias = BusinessForEnrichment | EmailForVerification | ZipCodeToScrape
WorkOutcome: TypeAlias = EnrichmentsUpdated | EmailVerificationsUpdated | None

# The service whose cost the lookups of each kind are.
SERVICES: Mapping[str, str] = {
    "facebook": "facebook",
    "linkedin": "linkedin",
    "verification": "bouncer",
    "coverage": "google_maps",
}
NO_RESULT = "the worker gave no result"


class Work:
    """The batches of one queue, one after the other; created by `store.work`.

    Attributes:
        worker: the name under which it holds its items.
        reason: why the loop ended: the queue is `empty`, the budget does not allow more items
            (`budget_exhausted`), the campaign is `paused`, `completed` or `failed`, or the loop
            was `stopped`. None before that.
    """

    def __init__(
        self,
        store: StoredFunctions,
        kind: WorkKind | str,
        campaign_id: Identifier,
        *,
        worker: str | None = None,
        page_size: int | None = None,
        lease_seconds: int | None = None,
        unit_cost_usd: Money | None = None,
    ) -> None:
        if kind not in SERVICES:
            raise ValueError(f"there is no work of the kind {kind!r}: {', '.join(SERVICES)}")
        self.store = store
        self.kind = kind
        self.campaign_id = campaign_id
        self.worker = worker or f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.reason: EndOfWork | None = None
        self._page_size = page_size or (10 if kind == "coverage" else 100)
        self._lease_seconds = lease_seconds or (3600 if kind == "coverage" else 900)
        self._unit_cost_usd = unit_cost_usd
        self._is_stopped = False
        # Whether it holds items that would have to be given back.
        self.holds = False

    def stop(self) -> None:
        """Ends the loop after the current batch. May be called by a signal handler."""
        self._is_stopped = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._release()

    def __iter__(self) -> Iterator[WorkBatch]:
        with StoppedByTermination(self.stop):
            while not self._is_stopped:
                items = self._claim()
                if not items:
                    return
                batch = WorkBatch(self, items)
                try:
                    with Heartbeat(self._extend, self._lease_seconds / 3):
                        yield batch
                finally:
                    self._release()
                if not batch.is_finished:
                    raise RuntimeError("a batch was not finished: call batch.finish(results)")
            self.reason = "stopped"

    def _claim(self) -> tuple[WorkItem, ...]:
        """Claims the next items. At the end there are none, and `reason` is set."""
        common = (self._page_size, self.worker, self._lease_seconds, self._unit_cost_usd)
        claim: Claim
        items: tuple[WorkItem, ...]
        if self.kind == "coverage":
            claim = coverage = self.store.claim_coverage(self.campaign_id, *common)
            items = coverage.zip_codes
        elif self.kind == "verification":
            claim = emails = self.store.claim_emails_for_verification(self.campaign_id, *common)
            items = emails.emails
        else:
            claim = businesses = self.store.claim_businesses_for_enrichment(
                self.campaign_id, self.kind, *common
            )
            items = businesses.businesses
        self.holds = bool(items)
        if not items:
            if claim.campaign_status in ("paused", "completed", "failed"):
                self.reason = claim.campaign_status  # type: ignore[assignment]
            else:
                self.reason = "budget_exhausted" if claim.budget_exhausted else "empty"
        return items

    def store_batch(
        self,
        seed: uuid.UUID,  # for stores without transactions
        results: Callable[[StoredFunctions], WorkOutcome],
        cost: Callable[[StoredFunctions], None] | None,
    ) -> WorkOutcome:
        """Stores results and cost in one transaction."""
        store = cast("CampaignStore", self.store)

        def both(bound: StoredFunctions) -> WorkOutcome:
            # The campaign's row is locked last, because claims wait for it.
            outcome = results(bound)
            if cost is not None:
                cost(bound)
            return outcome

        return store.run_in_transaction(
            both,
            isolation_level="READ COMMITTED" if cost is None else "SERIALIZABLE",
            cost_campaigns=() if cost is None else [self.campaign_id],
        )

    def _extend(self) -> None:
        self.store.extend_claims(self.campaign_id, self.worker, self._lease_seconds)

    def _release(self) -> None:
        if self.holds:
            self.store.release_claims(self.campaign_id, self.worker)
            self.holds = False


class WorkBatch:
    """Items that one worker holds. `finish` stores their results.

    Attributes:
        items: businesses, addresses or ZIP codes, as the claim of the kind returns them.
        is_finished: whether their results are stored.
    """

    def __init__(self, work: Work, items: tuple[WorkItem, ...]) -> None:
        self.items = items
        self.is_finished = False
        self._work = work
        # Seed of the idempotency keys, for stores without transactions.
        self._seed = uuid.uuid4()

    def finish(
        self,
        results: Iterable[Mapping[str, Any]],
        *,
        cost_usd: Money | None = None,
        items_processed: int | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> WorkOutcome:
        """Stores the results and their cost in one transaction, which ends the leases.

        Args:
            results: for facebook and linkedin the scraper's items, each with `business_id`; for
                verification the verifier's answers, each with `business_id` and `email`; for
                coverage `zip_code`, `businesses_found`, `emails_found` and `actual_cost`.
                A business or an address without a result counts as failed and is retried later.
            cost_usd: the total cost of the lookups, in USD, which is added to the ledger.
            items_processed: the number of lookups; default: the number of items.
            metadata: kept with the cost.

        Returns:
            The result of `update_enrichment_batch` or `update_email_verifications_batch`.

        Raises:
            ValueError: a ZIP code of the batch has no result.
            StoredFunctionError: nothing was stored.
        """
        work = self._work
        found = self._completed([dict(result) for result in results])
        count = len(self.items) if items_processed is None else items_processed

        def store_results(store: StoredFunctions) -> WorkOutcome:
            outcome: WorkOutcome = None
            if work.kind == "coverage":
                for item in found:
                    store.update_coverage_status(
                        work.campaign_id,
                        item["zip_code"],
                        item.get("businesses_found", 0),
                        item.get("emails_found", 0),
                        item.get("actual_cost", 0),
                    )
            elif work.kind == "verification":
                outcome = store.update_email_verifications_batch(found)
            else:
                outcome = store.update_enrichment_batch(work.kind, found)
            return outcome

        def store_cost(store: StoredFunctions) -> None:
            if cost_usd is not None:
                store.track_campaign_cost(
                    work.campaign_id, SERVICES[work.kind], count, cost_usd, metadata
                )

        outcome = work.store_batch(
            self._seed, store_results, None if cost_usd is None else store_cost
        )
        self.is_finished = True
        work.holds = False
        return outcome

    def _completed(self, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The results with the worker's name, and a failure for each item without a result."""
        if self._work.kind == "coverage":
            given = {result.get("zip_code") for result in results}
            missing = [item["zip_code"] for item in self.items if item["zip_code"] not in given]
            if missing:
                raise ValueError(f"no result for the ZIP codes {', '.join(missing[:5])}")
            return results
        given = {str(result.get("business_id")) for result in results}
        for item in self.items:
            if str(item["business_id"]) in given:
                continue
            failure = {"business_id": item["business_id"]}
            if isinstance(item, EmailForVerification):
                failure |= {"email": item.email, "status": "unknown", "reason": NO_RESULT}
            else:
                failure |= {"success": False, "error_message": NO_RESULT}
            results.append(failure)
        return [{**result, "worker": self._work.worker} for result in results]
