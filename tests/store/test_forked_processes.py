"""An engine that crossed a fork: each process has connections of its own, and its own answers."""

from __future__ import annotations

import asyncio
import multiprocessing
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine

from campaigndb import AsyncCampaignStore, CampaignStore, StoredFunctionError

PROCESSES, CALLS = 4, 20
FORK = multiprocessing.get_context("fork")


def in_children(work: Callable[[int], list[tuple[str, str]]]) -> dict[str, str]:
    """What each of some forked processes returns, all of it together."""
    told = FORK.SimpleQueue()

    def child(number: int) -> None:
        try:
            told.put(work(number))
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test shows it
            told.put([(f"{number} failed", repr(error))])

    children = [FORK.Process(target=child, args=(number,)) for number in range(PROCESSES)]
    for each in children:
        each.start()
    answers = [answer for _ in children for answer in told.get()]
    for each in children:
        each.join(20)
        assert each.exitcode == 0
    return dict(answers)


def ledger(owner_engine: Engine) -> dict[str, str]:
    query = text("select metadata->>'idempotency_key', id::text from gmaps_api_costs")
    with owner_engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


@pytest.mark.parametrize("pre_ping", [False, True])
@pytest.mark.parametrize("made", ["before", "after"])
def test_each_call_gets_its_own_answer(
    app_url: URL, owner_engine: Engine, campaign_id: uuid.UUID, made: str, pre_ping: bool
) -> None:
    engine = create_engine(app_url, pool_pre_ping=pre_ping)
    store = CampaignStore(engine, schema="public") if made == "before" else None
    with engine.connect() as connection:  # the pool has a connection when the children begin
        parents = connection.scalar(text("select pg_backend_pid()"))

    def work(number: int) -> list[tuple[str, str]]:
        mine = store or CampaignStore(engine, schema="public")
        told = []
        for call in range(CALLS):
            key = f"{number}-{call}"
            metadata = {"idempotency_key": key}
            cost = mine.track_campaign_cost(campaign_id, "facebook", 1, "1", metadata)
            assert (
                mine.update_coverage_status(campaign_id, "00100", call, 1, 1)["businesses_found"]
                == call
            )
            told.append((key, str(cost.cost_id)))
        return told

    answers = in_children(work)
    assert answers == ledger(owner_engine)
    assert len(answers) == PROCESSES * CALLS
    # The parent's connection is the one that it had.
    parent = store or CampaignStore(engine, schema="public")
    assert parent.update_campaign_statistics(campaign_id).total_businesses == 0
    if made == "before":
        with engine.connect() as connection:
            assert connection.scalar(text("select pg_backend_pid()")) == parents
    engine.dispose()


def test_each_asynchronous_call_too(
    app_url: URL, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    engine = create_async_engine(app_url)
    store = AsyncCampaignStore(engine, schema="public")
    asyncio.run(store.update_campaign_statistics(campaign_id))

    def work(number: int) -> list[tuple[str, str]]:
        async def calls() -> list[tuple[str, str]]:
            told = []
            for call in range(CALLS):
                key = f"{number}-{call}"
                cost = await store.track_campaign_cost(
                    campaign_id, "facebook", 1, "1", {"idempotency_key": key}
                )
                told.append((key, str(cost.cost_id)))
            return told

        return asyncio.run(calls())

    answers = in_children(work)
    assert answers == ledger(owner_engine)
    assert len(answers) == PROCESSES * CALLS


def test_a_connection_that_was_open_at_the_fork_is_refused(
    store: CampaignStore, app_engine: Engine
) -> None:
    with app_engine.connect() as connection:
        store.bind(connection)

        def work(number: int) -> list[tuple[str, str]]:
            try:
                store.bind(connection)
            except StoredFunctionError as error:
                return [(str(number), str(error))]
            return [(str(number), "bound")]

        answers = in_children(work)
    assert len(answers) == PROCESSES
    assert all("opened before a fork" in answer for answer in answers.values())


def test_a_child_does_not_end_the_parents_session(store: CampaignStore, app_engine: Engine) -> None:
    def pid() -> Any:
        with app_engine.connect() as connection:
            return connection.scalar(text("select pg_backend_pid()"))

    parents = pid()
    children = in_children(lambda number: [(str(number), str(pid()))])
    assert str(parents) not in children.values()
    assert pid() == parents
