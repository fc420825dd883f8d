"""A campaign is deleted in the middle of a call: whoever comes second waits, and none fails."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, text

from campaigndb import CampaignStore, MissingReferenceError
from campaigndb.calling.retries import NO_RETRY
from campaigndb.tables import businesses, campaigns, facebook_enrichments
from tests.support.waiting import wait_until_blocked

EMAIL = "info@hall.fi"
DELETION = text("delete from gmaps_campaigns where id = :id")


@pytest.fixture
def once(app_engine: Engine) -> CampaignStore:
    """Calls that are made once: a deadlock would be retried, and not be seen."""
    return CampaignStore(app_engine, schema="public", policies=NO_RETRY)


@pytest.fixture
def ids(store: CampaignStore, add_business: Callable[..., uuid.UUID]) -> list[uuid.UUID]:
    """Two businesses, the second with an enrichment."""
    found = [add_business(place_id, email=EMAIL) for place_id in ("a", "b")]
    store.update_enrichment_batch(
        "facebook", [{"business_id": found[1], "primary_email": EMAIL, "idempotency_key": "1"}]
    )
    return found


def delete(engine: Engine, campaign_id: uuid.UUID) -> None:
    with engine.begin() as connection:
        connection.execute(DELETION, {"id": campaign_id})


def enrich(once: CampaignStore, _: uuid.UUID, ids: list[uuid.UUID]) -> bool:
    items = [{"business_id": id_, "primary_email": "new@hall.fi"} for id_ in ids]
    return once.update_enrichment_batch("facebook", items).updated == len(ids)


def enrich_again(once: CampaignStore, _: uuid.UUID, ids: list[uuid.UUID]) -> bool:
    items = [{"business_id": ids[1], "primary_email": EMAIL, "idempotency_key": "1"}]
    return once.update_enrichment_batch("facebook", items).updated == 1


def verify(once: CampaignStore, _: uuid.UUID, ids: list[uuid.UUID]) -> bool:
    answer = once.update_email_verification(ids[1], EMAIL, {"status": "deliverable"})
    return answer.is_safe is True


def cover(once: CampaignStore, campaign_id: uuid.UUID, _: list[uuid.UUID]) -> bool:
    return once.update_coverage_status(campaign_id, "00100", 7, 0, "0.5").businesses_found == 7


def insert(once: CampaignStore, campaign_id: uuid.UUID, _: list[uuid.UUID]) -> bool:
    records = [{"place_id": place_id, "name": "new"} for place_id in ("a", "b", "c")]
    return once.insert_businesses_batch(campaign_id, "00100", records).inserted == 1


# The call, and the row that it waits for when it holds others already.
CALLS = [
    (enrich, "gmaps_businesses where place_id = 'b'"),
    (enrich, "gmaps_facebook_enrichments"),
    (enrich_again, "gmaps_facebook_enrichments"),
    (verify, "gmaps_businesses where place_id = 'b'"),
    (verify, "gmaps_facebook_enrichments"),
    (cover, "gmaps_campaign_coverage where zip_code = '00100'"),
    (insert, "gmaps_businesses where place_id = 'b'"),
]


@pytest.mark.parametrize(
    ("call", "awaited"), CALLS, ids=[f"{call.__name__}, {row.split()[0]}" for call, row in CALLS]
)
def test_a_campaign_that_is_deleted_during_a_call_is_gone_after_it(
    once: CampaignStore,
    owner_engine: Engine,
    campaign_id: uuid.UUID,
    ids: list[uuid.UUID],
    rows: Callable[..., list[Any]],
    call: Callable[..., bool],
    awaited: str,
) -> None:
    with ThreadPoolExecutor(2) as pool, owner_engine.connect() as holder:
        holder.execute(text(f"select from {awaited} for no key update"))
        called = pool.submit(call, once, campaign_id, ids)
        wait_until_blocked(owner_engine, 1)
        deleted = pool.submit(delete, owner_engine, campaign_id)
        wait_until_blocked(owner_engine, 2)
        holder.rollback()
        assert called.result(30)
        deleted.result(30)
    assert rows(campaigns) == rows(businesses) == rows(facebook_enrichments) == []


def test_a_call_during_the_deletion_finds_nothing(
    once: CampaignStore,
    owner_engine: Engine,
    campaign_id: uuid.UUID,
    ids: list[uuid.UUID],
    rows: Callable[..., list[Any]],
) -> None:
    def enrich_both() -> tuple[int, int]:
        result = once.update_enrichment_batch("facebook", [{"business_id": id_} for id_ in ids])
        return result.updated, result.failed

    def missing(call: Callable[..., bool]) -> bool:
        with pytest.raises(MissingReferenceError):
            call(once, campaign_id, ids)
        return True

    with ThreadPoolExecutor(4) as pool:
        with owner_engine.begin() as deletion:
            deletion.execute(DELETION, {"id": campaign_id})
            enriched = pool.submit(enrich_both)
            others = [pool.submit(missing, call) for call in (verify, cover, insert)]
            wait_until_blocked(owner_engine, 4)
        assert enriched.result(30) == (0, 2)
        assert all(other.result(30) for other in others)
    assert rows(businesses) == []
