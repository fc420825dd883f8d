"""What the router knows before and between its readings of the database."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from campaigndb import CampaignStore
from campaigndb.calling import catalogue
from campaigndb.calling.arguments import prepare
from campaigndb.rollout import Percentages, RolloutStore, percentages, router
from campaigndb.rollout.campaigns_of_call import campaigns_of
from campaigndb.rollout.circuit_breaker import BreakerLimits
from campaigndb.rollout.percentages import bucket_of
from campaigndb.rollout.router import Router


def campaign_in(bucket: int) -> uuid.UUID:
    return next(id_ for id_ in (uuid.uuid4() for _ in range(10_000)) if bucket_of(id_) == bucket)


def test_no_call_goes_by_the_settings_while_the_table_is_first_read(
    rollout: Callable[..., RolloutStore],
    campaign_id: uuid.UUID,
    routes: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(percentages, "from_settings", lambda: Percentages({}, {"all": 100}))
    first_reads, second_answered = threading.Event(), threading.Event()

    def read(_: Connection) -> dict[str, int]:
        if not first_reads.is_set():
            first_reads.set()
            second_answered.wait(10)
        return {"all": 0}

    monkeypatch.setattr(percentages, "read_table", read)
    store = rollout()
    first = threading.Thread(target=store.update_campaign_statistics, args=(campaign_id,))
    first.start()
    try:
        assert first_reads.wait(10)
        store.update_campaign_statistics(campaign_id)
    finally:
        second_answered.set()
        first.join()
    assert [side for side, _ in routes] == ["fallback"] * 2


def test_forgetting_campaigns_never_changes_a_calls_route(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router, "_MOST_REMEMBERED", 1)
    early, late = campaign_in(10), campaign_in(60)
    first, second = uuid.uuid4(), uuid.uuid4()
    owners = {first: late, second: early}
    routed = Router(Percentages(in_settings={"all": 50}), 5.0, BreakerLimits())

    def serves(*business_ids: uuid.UUID) -> bool:
        items: list[Any] = [{"business_id": id_} for id_ in business_ids]
        call = prepare(catalogue.UPDATE_ENRICHMENT_BATCH, ["facebook", items], uuid.uuid4())
        route = routed.route(call)
        routed.campaigns_were_read(route, {id_: owners[id_] for id_ in route.unknown})
        return routed.admit(call, route) is not None

    assert not serves(first)
    assert not serves(first, second), "the call moves with the last of its campaigns"
    assert serves(second)
    assert not serves(second, first)


def test_a_call_keeps_its_campaigns_and_percentage_whatever_others_do_meanwhile(
    rollout: Callable[..., RolloutStore],
    store: CampaignStore,
    add_business: Callable[..., uuid.UUID],
    routes: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = {}
    for place in (60, 10, 11):
        owner = campaign_in(place)
        store.create_campaign_with_coverage({"id": owner, "name": "Oulu"})
        ids[place] = add_business(f"place {place}", owner)
    rolled = rollout(all=50)

    def enrich(*places: int) -> None:
        rolled.update_enrichment_batch("facebook", [{"business_id": ids[p]} for p in places])

    enrich(60)  # and its campaign is known

    def look_up(connection: Connection, unknown: list[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
        if ids[10] in unknown:
            # Meanwhile another call makes the router forget all campaigns, and the table changes.
            monkeypatch.setattr(router, "_MOST_REMEMBERED", 0)
            enrich(11)
            rolled._router.table_was_read({"all": 100})
        return campaigns_of(connection, unknown)

    monkeypatch.setattr("campaigndb.rollout.store.campaigns_of", look_up)
    routes.clear()
    enrich(60, 10)
    assert [side for side, _ in routes] == ["function", "fallback"], (
        "it moves with the last campaign"
    )


def test_any_number_of_businesses_is_looked_up(
    owner_engine: Engine, campaign_id: uuid.UUID, add_business: Callable[..., uuid.UUID]
) -> None:
    business_id = add_business("a")
    ids = [business_id, *(uuid.UUID(int=number) for number in range(70_000))]
    with owner_engine.connect() as connection:
        assert campaigns_of(connection, ids) == {business_id: campaign_id}
