"""COMMIT was done and its answer lost: the retry finds its own key and changes nothing more."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import URL

from app.application_path import ApplicationPath
from app.tables import api_costs, businesses, campaigns, email_verifications
from tests.store.answer_losing_proxy import AnswerLosingProxy, answer_losing_proxy


@pytest.fixture
def proxy(database_url: URL) -> Iterator[AnswerLosingProxy]:
    with answer_losing_proxy(database_url) as proxy:
        yield proxy


@pytest.fixture
def lossy_path(proxy: AnswerLosingProxy) -> Iterator[ApplicationPath]:
    engine = create_engine(proxy.url)
    yield ApplicationPath(engine, schema="public")
    engine.dispose()


def test_what_was_committed_is_not_done_twice(
    lossy_path: ApplicationPath,
    proxy: AnswerLosingProxy,
    add_business: Callable[..., uuid.UUID],
    campaign_id: uuid.UUID,
    row: Callable[..., Any],
) -> None:
    business_id = add_business("a", email="a@b.fi")
    cost = {"campaign_id": campaign_id, "service": "facebook", "items_processed": 1}
    item = {"business_id": business_id, "primary_email": "a@b.fi"}
    calls: list[tuple[str, tuple[Any, ...]]] = [
        ("create_campaign_with_coverage", ({"name": "Espoo"}, ["1", "2"])),
        ("track_campaign_cost", (campaign_id, "bouncer", 1, "2.5")),
        ("track_campaign_costs_batch", ([{**cost, "cost_usd": "0.5"}],)),
        ("update_enrichment_batch", ("facebook", [item])),
        ("update_email_verification", (business_id, "a@b.fi", {"status": "risky"})),
    ]
    answers = []
    for name, arguments in calls:
        proxy.to_lose += 1
        answers.append(getattr(lossy_path, name)(*arguments))
    created, tracked, batch, enriched, verified = answers
    assert proxy.lost == len(calls)
    assert row(campaigns, name="Espoo").id == created.campaign_id
    assert row(api_costs, service="bouncer").id == tracked.cost_id
    assert row(api_costs, service="facebook").id == batch.costs[0].cost_id
    assert row(campaigns, id=campaign_id).actual_cost == batch.costs[0].new_total == 3
    assert (enriched.updated, row(businesses).enrichment_attempts) == (1, 1)
    assert row(email_verifications).status == verified.status
    assert all(one.replayed for one in (created, tracked, batch.costs[0], verified))


def test_a_cost_with_deep_metadata_is_recognised_as_well(
    application_path: ApplicationPath, campaign_id: uuid.UUID
) -> None:
    deep: Any = 1
    for _ in range(700):
        deep = [deep]
    metadata = {"idempotency_key": "k", "deep": deep}
    first, again = (
        application_path.track_campaign_cost(campaign_id, "bouncer", 1, "1", metadata)
        for _ in range(2)
    )
    assert (again.cost_id, again.replayed) == (first.cost_id, True)
