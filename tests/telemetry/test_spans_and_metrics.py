"""One span and one count for each logical call, whatever it took."""

from __future__ import annotations

import asyncio
import logging
import uuid

import pytest
from opentelemetry.trace import SpanKind, StatusCode
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL

from campaigndb import (
    AsyncCampaignStore,
    CampaignStore,
    ConflictError,
    InvalidInputError,
    RetryPolicy,
)
from tests.telemetry.conftest import Told

QUICK = RetryPolicy(attempts=3, first_wait=0.001, longest_wait=0.002)


def test_a_call_is_a_span_and_is_counted(
    store: CampaignStore, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="campaigndb"):
        made = store.create_campaign_with_coverage({"name": "Helsinki"})
        store.update_campaign_statistics(made.campaign_id)

    created, counted = told.spans
    assert (created.name, created.kind) == (
        "campaigndb create_campaign_with_coverage",
        SpanKind.CLIENT,
    )
    assert counted.attributes == {
        "db.system.name": "postgresql",
        "db.operation.name": "SELECT",
        "db.stored_procedure.name": "update_campaign_statistics",
        "campaigndb.call.served_by": "function",
        "campaigndb.campaign.id": str(made.campaign_id),
        "campaigndb.call.attempts": 1,
        "campaigndb.call.outcome": "success",
    }
    assert created.attributes["campaigndb.campaign.id"] == str(made.campaign_id)
    assert counted.status.status_code is StatusCode.UNSET
    assert {
        point.attributes["db.stored_procedure.name"]: point.value
        for point in told.points("campaigndb.client.calls")
    } == {"create_campaign_with_coverage": 1, "update_campaign_statistics": 1}
    durations = told.points("campaigndb.client.call.duration")
    assert [point.count for point in durations] == [1, 1]
    assert all(0 < point.sum < 10 for point in durations)
    assert told.points("campaigndb.client.retries") == []
    assert [(r.levelname, r.stored_function, r.outcome, r.attempts) for r in caplog.records] == [
        ("DEBUG", "create_campaign_with_coverage", "success", 1),
        ("DEBUG", "update_campaign_statistics", "success", 1),
    ]


def test_retries_are_events_and_the_failure_is_the_spans(
    app_url: URL,
    owner_engine: Engine,
    campaign_id: uuid.UUID,
    told: Told,
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = create_engine(app_url, connect_args={"options": "-c lock_timeout=10ms"})
    store = CampaignStore(engine, schema="public", policies=QUICK)
    told.exporter.clear()
    with owner_engine.connect() as holder, caplog.at_level(logging.INFO, logger="campaigndb"):
        holder.execute(text("select from gmaps_campaigns for update"))
        with pytest.raises(ConflictError):
            store.track_campaign_cost(campaign_id, "bouncer", 1, 1)
    engine.dispose()

    [span] = told.spans
    assert [dict(event.attributes or {}) for event in span.events] == [
        {"campaigndb.call.attempt": attempt, "db.response.status_code": "55P03"}
        for attempt in (1, 2)
    ]
    assert span.attributes is not None
    assert span.attributes["campaigndb.call.attempts"] == 3
    assert span.attributes["db.response.status_code"] == "55P03"
    assert span.attributes["error.type"] == "55P03"
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    [retries] = told.points("campaigndb.client.retries")
    assert (retries.value, retries.attributes["db.response.status_code"]) == (2, "55P03")
    assert [(r.levelname, r.sqlstate) for r in caplog.records] == [
        ("INFO", "55P03"),
        ("INFO", "55P03"),
        ("WARNING", "55P03"),
    ]


def test_calls_of_a_block_are_parts_of_its_span(
    store: CampaignStore, campaign_id: uuid.UUID, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    told.exporter.clear()
    with caplog.at_level(logging.INFO, logger="campaigndb"), pytest.raises(InvalidInputError):
        store.run_in_transaction(
            lambda tx: (
                tx.update_campaign_statistics(campaign_id),
                tx.track_campaign_cost(campaign_id, "bouncer", -1, 1),
            ),
            cost_campaigns=[campaign_id],
        )

    counted, refused, block = told.spans
    assert block.name == "campaigndb transaction"
    assert block.parent is None
    for part in (counted, refused):
        assert part.parent is not None
        assert part.parent.span_id == block.context.span_id
    assert refused.attributes["campaigndb.call.outcome"] == "failure"
    # The block's failure is what is told of; its parts' are for the block.
    [record] = caplog.records
    assert (record.levelname, record.stored_function) == ("WARNING", "transaction")


async def test_asyncio(async_store: AsyncCampaignStore, campaign_id: uuid.UUID, told: Told) -> None:
    told.exporter.clear()
    await asyncio.gather(
        *[async_store.track_campaign_cost(campaign_id, "bouncer", 1, 1) for _ in range(3)],
        async_store.get_businesses_for_enrichment(campaign_id, "facebook"),
        async_store.run_in_transaction(
            lambda tx: tx.update_campaign_statistics(campaign_id), cost_campaigns=[campaign_id]
        ),
    )
    assert sorted(span.name.removeprefix("campaigndb ") for span in told.spans) == [
        "get_businesses_for_enrichment",
        "track_campaign_cost",
        "track_campaign_cost",
        "track_campaign_cost",
        "transaction",
        "update_campaign_statistics",
    ]
    # Calls at once are nobody's parts.
    assert [span.name for span in told.spans if span.parent] == [
        "campaigndb update_campaign_statistics"
    ]


async def test_a_cancelled_call_is_neither_success_nor_failure(
    async_store: AsyncCampaignStore, owner_engine: Engine, campaign_id: uuid.UUID, told: Told
) -> None:
    told.exporter.clear()
    with owner_engine.connect() as holder:
        holder.execute(text("select from gmaps_campaigns for update"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(
                async_store.track_campaign_cost(campaign_id, "bouncer", 1, 1), 0.2
            )
    [span] = told.spans
    assert span.attributes["campaigndb.call.outcome"] == "interrupted"
    assert span.attributes["error.type"] == "CancelledError"
