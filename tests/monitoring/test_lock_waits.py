"""Who waits for whom, by functions' names: a statement's text holds parameters."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from campaigndb import CampaignStore
from campaigndb.operations.monitoring import (
    LockWait,
    Statistics,
    Unavailable,
    read_statistics,
    reading,
)
from tests.support.waiting import wait_until

Read = Callable[..., Statistics]


def test_a_wait_names_both_sides_and_no_parameter(
    read: Read,
    owner_engine: Engine,
    app_engine: Engine,
    store: CampaignStore,
    campaign_id: uuid.UUID,
) -> None:
    with ThreadPoolExecutor(1) as pool, app_engine.connect() as blocker:
        with blocker.begin():
            blocker.execute(
                text("select update_campaign_statistics(:id) /* anna@example.org */"),
                {"id": campaign_id},
            )
            waiting = pool.submit(store.track_campaign_cost, campaign_id, "bouncer", 1, "0.5")
            found = read(lambda found: found.lock_waits and found.lock_waits[0].seconds)
            blocking_pid = blocker.scalar(text("select pg_backend_pid()"))
            seen_by_less = read_statistics(app_engine, "public").lock_waits
        waiting.result(timeout=30)

    assert not isinstance(found.lock_waits, Unavailable)
    [wait] = found.lock_waits
    assert wait.blocked_statement == "track_campaign_cost"
    assert wait.blocking_pid == blocking_pid
    assert wait.blocking_statement in ("update_campaign_statistics", "select")
    assert wait.blocking_state == "idle in transaction"
    assert wait.seconds is not None
    assert 0 <= wait.seconds < 30
    assert "example" not in repr(found)
    # A role without pg_read_all_stats sees the wait all the same, and its own statements.
    assert not isinstance(seen_by_less, Unavailable)
    assert [(each.blocked_pid, each.blocking_pid) for each in seen_by_less] == [
        (wait.blocked_pid, wait.blocking_pid)
    ]
    assert isinstance(seen_by_less[0], LockWait)
    wait_until(lambda: read().lock_waits == ())


def test_a_locked_table_leaves_the_other_parts(
    owner_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LOCK_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(reading, "LOOK_TIMEOUT_SECONDS", 0.01)
    patience: list[str] = []

    @event.listens_for(owner_engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, _statement: str, given: Any, *_: Any) -> None:
        if isinstance(given, dict) and "lock_timeout" in given:
            patience.append(given["lock_timeout"])

    with owner_engine.connect() as migration, migration.begin():
        migration.execute(text("lock table gmaps_businesses in access exclusive mode"))
        begun = time.monotonic()
        found = read_statistics(owner_engine, "public")
        took = time.monotonic() - begun
    # It is waited for, once for all parts together and not once for each.
    assert took >= 0.5
    first, *others = patience
    assert first == "500ms"
    assert set(others) == {"10ms"}
    for part in (found.queues, found.tables):
        assert part == Unavailable("a table is locked, probably by a migration at work")
    assert found.lock_waits == ()
    assert not isinstance(found.reconciliation, Unavailable)
    assert not isinstance(found.activity, Unavailable)
