"""What each of the processes does: claim, look up, and store the result with its cost."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from itertools import islice
from multiprocessing.synchronize import Event
from types import MappingProxyType
from typing import Any, TypeVar

from campaigndb import CampaignStore
from campaigndb.calling.work import SERVICES
from examples.helsinki.errors import DemoError
from examples.helsinki.outside_services import ask_bouncer, ask_facebook, ask_linkedin
from examples.helsinki.places import by_zip_code, read_places
from examples.helsinki.prices import PRICES, price

T = TypeVar("T")

SCRAPER = "scraper"
FACEBOOK_ENRICHERS = ("Facebook enricher 1", "Facebook enricher 2")
LINKEDIN_ENRICHERS = ("LinkedIn enricher 1", "LinkedIn enricher 2")
VERIFIERS = ("email verifier 1", "email verifier 2")

BATCH_SIZE = 50
# Small, so that the two workers of a queue both get some of it.
PAGE_SIZE = 25
SERVICE_SECONDS = 0.02
QUEUE_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Handover:
    """What the processes share besides the database."""

    start: Event
    scraped: Event
    enriched: Event


@dataclass
class Received:
    """Records of one source: so many were new, known, and of the known ones closed since."""

    source: str
    records: int = 0
    new: int = 0
    known: int = 0
    closed: int = 0


@dataclass
class Done:
    """What one process did for `service`: which lookups it paid for, and how many found nothing."""

    service: str
    lookups: list[str] = field(default_factory=list)
    failed: int = 0
    is_budget_exhausted: bool = False
    received: Received | None = None


@dataclass(frozen=True)
class Job:
    """One process's view of the campaign. `report` tells how much is done."""

    store: CampaignStore
    campaign_id: uuid.UUID
    limit: int | None
    handover: Handover
    report: Callable[[int], None]


def scrape(job: Job) -> Done:
    """Claims postal code after postal code, and stores its places batch by batch."""
    found_in = by_zip_code(read_places(job.limit))
    received = Received("Apify, by the scraper")
    done = Done("google_maps", received=received)
    with job.store.work("coverage", job.campaign_id, page_size=1) as work:
        for claimed in work:
            zip_code = claimed.items[0]["zip_code"]
            places = found_in[zip_code]
            for batch in _batches(places):
                time.sleep(SERVICE_SECONDS)
                stored = job.store.insert_businesses_batch(job.campaign_id, zip_code, batch)
                if stored.rejected:
                    raise DemoError(f"ZIP code {zip_code}: {stored.rejected[0].reason}")
                received.records += stored.total
                received.new += stored.inserted
                received.known += stored.total - stored.inserted
                received.closed += stored.closed
                done.lookups += [place["placeId"] for place in batch]
                job.report(len(done.lookups))
            cost = price("google_maps", len(places))
            claimed.finish(
                [
                    {
                        "zip_code": zip_code,
                        "businesses_found": len(places),
                        "emails_found": sum(bool(place["emails"]) for place in places),
                        "actual_cost": cost,
                    }
                ],
                cost_usd=cost,
                items_processed=len(places),
                metadata={"zip_code": zip_code},
            )
            job.store.update_campaign_statistics(job.campaign_id)
    return done


def enrich(kind: str, ask: Callable[[Any], dict[str, Any]], job: Job) -> Done:
    """Works a queue of businesses off while the scraper still fills it."""
    return _look_up(job, kind, ask, until=job.handover.scraped)


def verify(job: Job) -> Done:
    """Waits for the enrichers: until then an address may give way to a better one."""
    job.handover.enriched.wait()
    return _look_up(job, "verification", ask_bouncer, until=job.handover.enriched)


def _look_up(job: Job, kind: str, ask: Callable[[Any], dict[str, Any]], *, until: Event) -> Done:
    """Claims, asks and stores until nothing is due, and nothing more comes after `until`."""
    done = Done(SERVICES[kind])
    unit_cost = PRICES[done.service]
    while True:
        # Looked at before the pass: a pass that began after the event sees everything.
        is_last_pass = until.is_set()
        with job.store.work(
            kind, job.campaign_id, page_size=PAGE_SIZE, unit_cost_usd=unit_cost
        ) as work:
            for batch in work:
                time.sleep(SERVICE_SECONDS)
                results = [ask(item) for item in batch.items]
                cost: Decimal = price(done.service, len(results))
                stored = batch.finish(results, cost_usd=cost)
                if stored is None or stored.failures:
                    raise DemoError(f"{kind}: {stored and stored.failures[0].reason}")
                done.lookups += [
                    result.get("email") or str(result["business_id"]) for result in results
                ]
                done.failed += sum(map(found_nothing, results))
                job.report(len(done.lookups))
        done.is_budget_exhausted = work.reason == "budget_exhausted"
        if is_last_pass or done.is_budget_exhausted:
            return done
        if work.reason != "empty":
            raise DemoError(f"the {kind} queue ended early: {work.reason}")
        time.sleep(QUEUE_POLL_SECONDS)


def found_nothing(result: Mapping[str, Any]) -> bool:
    return "error" in result or result.get("status") == "unknown"


JOBS: Mapping[str, Callable[[Job], Done]] = MappingProxyType(
    {
        SCRAPER: scrape,
        **dict.fromkeys(FACEBOOK_ENRICHERS, partial(enrich, "facebook", ask_facebook)),
        **dict.fromkeys(LINKEDIN_ENRICHERS, partial(enrich, "linkedin", ask_linkedin)),
        **dict.fromkeys(VERIFIERS, verify),
    }
)


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH_SIZE)):
        yield batch
