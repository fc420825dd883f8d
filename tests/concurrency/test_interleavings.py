"""Two sessions step by step, in the orders that have gone wrong elsewhere."""

from __future__ import annotations

import threading
import time
import uuid

from sqlalchemy import Engine, text

from app import CampaignStore

PLACE = [{"place_id": "contested", "name": "Contested"}]


def _wait_until_blocked(engine: Engine) -> None:
    deadline = time.monotonic() + 10
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while time.monotonic() < deadline:
            blocked = connection.execute(
                text(
                    "select count(*) from pg_stat_activity"
                    " where datname = current_database() and wait_event_type = 'Lock'"
                )
            ).scalar_one()
            if blocked:
                return
            time.sleep(0.01)
    raise AssertionError("nobody waits for a lock")


def test_a_place_that_another_campaign_commits_meanwhile_is_skipped_as_its_place(
    app_engine: Engine,
    owner_engine: Engine,
    store: CampaignStore,
    campaign_id: uuid.UUID,
    other_campaign_id: uuid.UUID,
) -> None:
    results = []

    def second() -> None:
        results.append(store.insert_businesses_batch(other_campaign_id, None, PLACE))

    with app_engine.connect() as connection:
        first = store.bind(connection).insert_businesses_batch(campaign_id, None, PLACE)
        thread = threading.Thread(target=second)
        thread.start()
        _wait_until_blocked(owner_engine)
        connection.commit()
    thread.join(10)

    [result] = results
    assert first.inserted == 1
    assert (result.inserted, result.updated, result.skipped) == (0, 0, 1)
    assert result.skipped_other_campaign == 1


def test_a_place_that_another_campaign_gives_up_meanwhile_is_inserted(
    app_engine: Engine,
    owner_engine: Engine,
    store: CampaignStore,
    campaign_id: uuid.UUID,
    other_campaign_id: uuid.UUID,
) -> None:
    results = []

    def second() -> None:
        results.append(store.insert_businesses_batch(other_campaign_id, None, PLACE))

    with app_engine.connect() as connection:
        store.bind(connection).insert_businesses_batch(campaign_id, None, PLACE)
        thread = threading.Thread(target=second)
        thread.start()
        _wait_until_blocked(owner_engine)
        connection.rollback()
    thread.join(10)

    [result] = results
    assert (result.inserted, result.skipped_other_campaign) == (1, 0)


def test_statistics_count_what_was_committed_while_they_waited(
    app_engine: Engine, owner_engine: Engine, store: CampaignStore, campaign_id: uuid.UUID
) -> None:
    results = []

    def second() -> None:
        results.append(store.update_campaign_statistics(campaign_id))

    with app_engine.connect() as connection:
        bound = store.bind(connection)
        bound.insert_businesses_batch(campaign_id, None, PLACE)
        bound.update_campaign_statistics(campaign_id)
        thread = threading.Thread(target=second)
        thread.start()
        _wait_until_blocked(owner_engine)
        connection.commit()
    thread.join(10)

    assert results[0].total_businesses == 1
