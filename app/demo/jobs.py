"""What each of the four processes does, with a store and what the others hand over."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event
from types import MappingProxyType
from typing import Any, TypeVar

from app.demo.errors import DemoError
from app.demo.measured_store import MeasuredStore
from app.demo.outside_services import (
    look_up_facebook_page,
    look_up_linkedin_profile,
    verify_email,
)
from app.demo.places import by_zip_code, read_places
from app.demo.prices import price
from app.results import BusinessForEnrichment

T = TypeVar("T")

SCRAPER = "scraper"
FACEBOOK_ENRICHER = "Facebook enricher"
LINKEDIN_ENRICHER = "LinkedIn enricher"
EMAIL_VERIFIER = "email verifier"

BATCH_SIZE = 50
PAGE_SIZE = 100
# A scraper waits for its service; a short wait is enough for the others to catch up with it.
SERVICE_SECONDS = 0.02
QUEUE_POLL_SECONDS = 0.05

# Emails to verify, with their businesses; None: there will be no more.
EmailBatch = list[tuple[uuid.UUID, str]] | None


@dataclass(frozen=True)
class Handover:
    """What the processes share besides the database."""

    start: Event
    scraper_done: Event
    # The application role reads no table, so the verifier is told its emails. LinkedIn's enricher
    # tells them: after it no business gets another one, so none is verified and paid for twice.
    emails: SimpleQueue[EmailBatch]


@dataclass(frozen=True)
class Job:
    """One process's view of the campaign. `report(done, handed_over)` tells of its progress."""

    store: MeasuredStore
    campaign_id: uuid.UUID
    limit: int | None
    handover: Handover
    report: Callable[[int, int], None]


def scrape(job: Job) -> None:
    """Stores the places, postal code after postal code, each batch with its cost."""
    done = 0
    for zip_code, places in by_zip_code(read_places(job.limit)).items():
        cost = Decimal(0)
        for batch in _batches(places):
            time.sleep(SERVICE_SECONDS)
            stored = job.store.insert_businesses_batch(job.campaign_id, zip_code, batch)
            if stored.rejected:
                raise DemoError(f"ZIP code {zip_code}: {stored.rejected[0].reason}")
            batch_cost = price("google_maps", len(batch))
            job.store.track_campaign_cost(
                job.campaign_id, "google_maps", len(batch), batch_cost, {"zip_code": zip_code}
            )
            cost += batch_cost
            done += len(batch)
            job.report(done, 0)
        emails = sum(bool(place["emails"]) for place in places)
        job.store.update_coverage_status(job.campaign_id, zip_code, len(places), emails, cost)
        job.store.update_campaign_statistics(job.campaign_id)
    job.handover.scraper_done.set()


def enrich_from_facebook(job: Job) -> None:
    """Looks up each business's page."""
    _enrich(job, "facebook", look_up_facebook_page)


def enrich_from_linkedin(job: Job) -> None:
    """Looks up each business's company, and hands over its email, scraped or generated."""

    def hand_over(looked_up: list[tuple[BusinessForEnrichment, Mapping[str, Any]]]) -> int:
        emails: list[tuple[uuid.UUID, str]] = []
        for business, item in looked_up:
            email = business.email or next(iter(item.get("emails_generated", [])), None)
            if email is not None:
                emails.append((business.business_id, email))
        if emails:
            job.handover.emails.put(emails)
        return len(emails)

    _enrich(job, "linkedin", look_up_linkedin_profile, hand_over)
    job.handover.emails.put(None)


def _enrich(
    job: Job,
    service: str,
    look_up: Callable[[BusinessForEnrichment], Mapping[str, Any]],
    hand_over: Callable[[list[tuple[BusinessForEnrichment, Mapping[str, Any]]]], int] | None = None,
) -> None:
    """Works the queue off while the scraper still fills it."""
    # What LinkedIn does not know stays in its queue: it is asked once.
    tried: set[uuid.UUID] = set()
    handed_over = 0
    while True:
        # Looked at before the pass: a pass that began after the scraper's end sees everything.
        is_last_pass = job.handover.scraper_done.is_set()
        tried_before = len(tried)
        queue = job.store.iter_businesses_for_enrichment(job.campaign_id, service, PAGE_SIZE)
        for batch in _batches(each for each in queue if each.business_id not in tried):
            items = [look_up(business) for business in batch]
            stored = job.store.update_enrichment_batch(service, items)
            if stored.failed:
                raise DemoError(f"{service} enrichment: {stored.failures[0].reason}")
            job.store.track_campaign_cost(
                job.campaign_id, service, len(batch), price(service, len(batch))
            )
            tried.update(business.business_id for business in batch)
            if hand_over is not None:
                handed_over += hand_over(list(zip(batch, items, strict=True)))
            job.report(len(tried), handed_over)
        if is_last_pass:
            break
        if len(tried) == tried_before:
            time.sleep(QUEUE_POLL_SECONDS)


def verify_emails(job: Job) -> None:
    """Verifies the emails that are handed over, until there will be no more."""
    done = 0
    while (batch := job.handover.emails.get()) is not None:
        for business_id, email in batch:
            job.store.update_email_verification(business_id, email, verify_email(email))
            done += 1
            if done % 10 == 0:
                job.report(done, 0)
        # Each verification is billed by itself.
        job.store.track_campaign_costs_batch(
            {
                "campaign_id": job.campaign_id,
                "service": "bouncer",
                "items_processed": 1,
                "cost_usd": price("bouncer", 1),
                "metadata": {"business_id": str(business_id)},
            }
            for business_id, _ in batch
        )
        job.report(done, 0)


JOBS: Mapping[str, Callable[[Job], None]] = MappingProxyType(
    {
        SCRAPER: scrape,
        FACEBOOK_ENRICHER: enrich_from_facebook,
        LINKEDIN_ENRICHER: enrich_from_linkedin,
        EMAIL_VERIFIER: verify_emails,
    }
)


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH_SIZE)):
        yield batch
