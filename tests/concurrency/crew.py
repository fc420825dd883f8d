"""Processes with engines of their own, as in production, that all begin at the same moment."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL

from campaigndb import CampaignStore
from tests.support.waiting import wait_until_blocked

# A method of the store and its arguments.
StoreCall = tuple[str, tuple[Any, ...]]


def make_calls(url: str, calls: Sequence[StoreCall]) -> list[Any]:
    """One process's work: its calls one after the other; a call that is given up raises."""
    engine = create_engine(url, pool_size=1, max_overflow=0)
    try:
        store = CampaignStore(engine, schema="public")
        return [getattr(store, method)(*arguments) for method, arguments in calls]
    finally:
        # The server's statistics of a session are complete once it has ended.
        engine.dispose()


@dataclass
class Crew:
    """Starts several lists of calls at once, a process each, and collects their results."""

    pool: ProcessPoolExecutor
    app_url: URL
    owner_engine: Engine
    deadlocks_before: int = field(init=False)

    def __post_init__(self) -> None:
        self.deadlocks_before = self.deadlocks()

    def work(self, *lists: Sequence[StoreCall]) -> list[list[Any]]:
        """All begin while the campaigns' rows are locked, and are let go together.

        Each list's first call must be one that needs a campaign's row.
        """
        url = self.app_url.render_as_string(hide_password=False)
        with self.owner_engine.connect() as holder:
            holder.execute(text("select from gmaps_campaigns for update"))
            futures = [self.pool.submit(make_calls, url, calls) for calls in lists]
            wait_until_blocked(self.owner_engine, len(lists), timeout=60)
            holder.rollback()
        return [future.result(60) for future in futures]

    def deadlocks(self) -> int:
        with self.owner_engine.connect() as connection:
            connection.execute(text("select pg_stat_clear_snapshot()"))
            return int(
                connection.execute(
                    text(
                        "select deadlocks from pg_stat_database where datname = current_database()"
                    )
                ).scalar_one()
            )

    @property
    def new_deadlocks(self) -> int:
        return self.deadlocks() - self.deadlocks_before
