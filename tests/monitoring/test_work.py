"""`stats`, Prometheus and the report show what `work status` shows: one query."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal

from sqlalchemy import Engine, text

from campaigndb import CampaignStore
from campaigndb.operations.drift import DriftReport
from campaigndb.operations.monitoring import QueueLength, Statistics
from campaigndb.operations.monitoring.prometheus import as_prometheus
from campaigndb.operations.report import read_figures, render_page
from tests.monitoring.test_prometheus import samples_of

FIGURES = ("unfinished", "held", "due", "waiting", "failed", "reserved")


def worked_on(store: CampaignStore, campaign_id: uuid.UUID, engine: Engine) -> None:
    """Of ten places two are held, one waits after a failure, one was given up."""
    store.insert_businesses_batch(
        campaign_id,
        "00100",
        [
            {
                "place_id": f"p{n}",
                "name": "Kauppahalli",
                "email": f"hei@p{n}.fi",
                "facebook_url": f"https://facebook.com/p{n}",
            }
            for n in range(10)
        ],
    )
    claim = store.claim_businesses_for_enrichment(campaign_id, "facebook", 4, "w", 900, "0.25")
    waits, given_up = (business.business_id for business in claim.businesses[:2])
    for failed in ([waits, given_up], [given_up], [given_up]):
        store.update_enrichment_batch(
            "facebook", [{"business_id": each, "error": "timeout"} for each in failed]
        )
    store.claim_emails_for_verification(campaign_id, 3, "v", 900, "0.01")
    store.claim_coverage(campaign_id, 1, "c")
    with engine.begin() as connection:
        connection.execute(text("update gmaps_lookups set due_at = now() where worker = 'c'"))


def test_every_view_shows_the_figures_of_work_status(
    read: Callable[..., Statistics],
    store: CampaignStore,
    owner_engine: Engine,
    campaign_id: uuid.UUID,
    other_campaign_id: uuid.UUID,
) -> None:
    worked_on(store, campaign_id, owner_engine)
    found = read()
    expected = [
        (owner, each.kind, *(getattr(each, name) for name in FIGURES))
        for owner in (campaign_id, other_campaign_id)
        for each in store.get_work_status(owner).queues
    ]
    by_hand = {
        "facebook": (9, 2, 6, 1, 1, Decimal("0.50")),
        "linkedin": (10, 0, 10, 0, 0, 0),
        "verification": (10, 3, 7, 0, 0, Decimal("0.03")),
        "coverage": (2, 0, 2, 0, 0, 0),
    }
    assert {row[1]: row[2:] for row in expected if row[0] == campaign_id} == by_hand

    def is_there(row: tuple[object, ...]) -> bool:
        return any(row[2:])

    def listed(queues: list[QueueLength]) -> set[tuple[object, ...]]:
        return {
            (each.campaign_id, each.queue, *(getattr(each, name) for name in FIGURES))
            for each in queues
        }

    assert listed(found.queues) == set(filter(is_there, expected))
    figures = read_figures(owner_engine, "public")
    assert listed(figures.queues) == set(filter(is_there, expected))
    page = render_page(figures, DriftReport("public", "0001", ()))
    assert "Given up" in page
    assert "0.50" in page

    samples = samples_of(as_prometheus(found))
    for owner, kind, *counts in filter(is_there, expected):
        names = (str(owner), kind)
        assert samples["campaigndb_queue_length", *names] == counts[0]
        for state, count in zip(FIGURES[1:5], counts[1:5], strict=True):
            assert samples["campaigndb_queue_items", *names, state] == count
        assert samples["campaigndb_queue_reserved_usd", *names] == float(counts[5])
