"""The loop of a worker: claim, hand over, store results and cost together."""

from __future__ import annotations

import os
import signal
import time
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from campaigndb import CampaignStore, StoredFunctionError
from campaigndb.tables import api_costs, businesses, campaign_coverage, campaigns, lookups


def enriched(batch) -> list[dict[str, object]]:
    return [
        {"business_id": item.business_id, "page_name": item.name, "emails": [f"b{n}@page.fi"]}
        for n, item in enumerate(batch.items)
    ]


def test_a_queue_is_worked_off_with_its_cost(
    store: CampaignStore, campaign_id, places, rows, row
) -> None:
    places(5)
    seen = []
    work = store.work("facebook", campaign_id, page_size=2, unit_cost_usd="0.003")
    for batch in work:
        seen += [item.place_id for item in batch.items]
        outcome = batch.finish(enriched(batch), cost_usd=Decimal("0.003") * len(batch.items))
        assert outcome.updated == len(batch.items)
        assert outcome.late == 0
    assert (len(seen), len(set(seen)), work.reason) == (5, 5, "empty")
    assert {b.enrichment_status for b in rows(businesses)} == {"enriched"}
    assert rows(lookups) == []
    assert row(campaigns).actual_cost == Decimal("0.015")
    assert sum(cost.items_processed for cost in rows(api_costs)) == 5


def test_addresses_and_zip_codes_are_worked_off_too(
    store: CampaignStore, campaign_id, places, rows
) -> None:
    places(3)
    with store.work("verification", campaign_id) as work:
        for batch in work:
            batch.finish(
                [
                    {"business_id": i.business_id, "email": i.email, "status": "deliverable"}
                    for i in batch.items
                ],
                cost_usd="0.01",
            )
    assert {b.bouncer_status for b in rows(businesses)} == {"deliverable"}
    with store.work("coverage", campaign_id) as work:
        for batch in work:
            batch.finish(
                [
                    {
                        "zip_code": i.zip_code,
                        "businesses_found": 3,
                        "emails_found": 1,
                        "actual_cost": "1",
                    }
                    for i in batch.items
                ]
            )
    assert {zip_code.scraped for zip_code in rows(campaign_coverage)} == {True}
    assert rows(lookups) == []


def test_what_has_no_result_has_failed_and_waits(
    store: CampaignStore, campaign_id, places, rows
) -> None:
    places(2)
    with store.work("facebook", campaign_id) as work:
        for batch in work:
            batch.finish(enriched(batch)[:1])
    [waiting] = rows(lookups)
    assert (waiting.attempts, waiting.failed_reason) == (1, "the worker gave no result")
    assert work.reason == "empty"


def test_an_exception_gives_the_items_back(
    store: CampaignStore, campaign_id, places, claim
) -> None:
    places(3)

    def fail() -> None:
        for _ in store.work("facebook", campaign_id):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert len(claim("facebook", worker="other")["items"]) == 3


def test_a_loop_that_is_left_gives_the_items_back(
    store: CampaignStore, campaign_id, places, claim
) -> None:
    places(3)
    with store.work("facebook", campaign_id) as work:
        for _ in work:
            break
    assert len(claim("facebook", worker="other")["items"]) == 3


def test_a_batch_that_is_not_finished_is_an_error_and_no_endless_loop(
    store: CampaignStore, campaign_id, places
) -> None:
    places(1)
    with pytest.raises(RuntimeError, match="not finished"):
        for _ in store.work("facebook", campaign_id):
            pass


def test_the_lease_is_extended_while_the_block_works(
    store: CampaignStore, campaign_id, places, claim
) -> None:
    places(1)
    for batch in store.work("facebook", campaign_id, lease_seconds=2):
        time.sleep(3)
        assert claim("facebook", worker="other")["items"] == []
        batch.finish(enriched(batch))


@pytest.mark.parametrize("status", ["paused", "completed", "failed"])
def test_it_ends_with_the_campaign(store: CampaignStore, campaign_id, places, status) -> None:
    places(3)
    work = store.work("facebook", campaign_id, page_size=1)
    for batch in work:
        batch.finish(enriched(batch))
        store.update_campaign_status(campaign_id, status)
    assert work.reason == status


def test_it_ends_with_the_budget(store: CampaignStore, campaign_id, places, row) -> None:
    places(5)
    store.update_campaign_budget(campaign_id, "0.02")
    work = store.work("facebook", campaign_id, page_size=1, unit_cost_usd="0.007")
    for batch in work:
        batch.finish(enriched(batch), cost_usd="0.007")
    assert work.reason == "budget_exhausted"
    assert row(campaigns).actual_cost == Decimal("0.014")


def test_sigterm_ends_it_behind_the_batch(store: CampaignStore, campaign_id, places, rows) -> None:
    places(3)
    work = store.work("facebook", campaign_id, page_size=1)
    for batch in work:
        os.kill(os.getpid(), signal.SIGTERM)
        batch.finish(enriched(batch))
    assert work.reason == "stopped"
    assert sum(b.enrichment_status == "enriched" for b in rows(businesses)) == 1
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_results_and_cost_are_stored_together_or_not_at_all(
    store: CampaignStore, campaign_id, places, owner_engine
) -> None:
    places(1)
    for batch in store.work("facebook", campaign_id):
        with pytest.raises(StoredFunctionError):
            batch.finish(enriched(batch), cost_usd="-1")
        with owner_engine.connect() as connection:
            done = select(func.count()).where(businesses.c.enrichment_status == "enriched")
            assert connection.scalar(done) == 0
        batch.finish(enriched(batch), cost_usd="1")


async def test_asyncio_has_the_same(async_store, store, campaign_id, places, rows) -> None:
    places(5)
    async with async_store.work("linkedin", campaign_id, page_size=2, unit_cost_usd="1") as work:
        async for batch in work:
            await batch.finish(
                [{"business_id": i.business_id, "personName": "N"} for i in batch.items],
                cost_usd=len(batch.items),
            )
    assert work.reason == "empty"
    assert {b.linkedin_enriched for b in rows(businesses)} == {True}


def test_another_kind_is_refused(store: CampaignStore, campaign_id) -> None:
    with pytest.raises(ValueError, match="there is no work of the kind 'twitter'"):
        store.work("twitter", campaign_id)


def test_a_late_result_is_stored_and_counted(
    store: CampaignStore, campaign_id, places, claim, later, row
) -> None:
    places(1)
    for batch in store.work("facebook", campaign_id, worker="slow", lease_seconds=600):
        later("11 minutes")
        assert len(claim("facebook", worker="other")["items"]) == 1
        assert batch.finish(enriched(batch)).late == 1
    assert row(businesses).enrichment_status == "enriched"
