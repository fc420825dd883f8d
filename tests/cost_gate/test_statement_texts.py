"""Whatever the campaigns of a batch are: pg_stat_statements gets no entry for their combination."""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Iterable

from sqlalchemy import Engine, text

from campaigndb import CampaignStore
from tests.conftest import APP_ROLE
from tests.faults.workers import new_campaigns

BATCHES, CAMPAIGNS = 1000, 40
# One for every gate, those of a call, and those of a connection that is new.
MOST_TEXTS = 20


def test_batches_of_any_campaigns_share_their_statements(
    store: CampaignStore, owner_engine: Engine, rng: random.Random
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text("create schema monitoring"))
        connection.execute(text("create extension pg_stat_statements schema monitoring"))

    def track(campaigns: Iterable[uuid.UUID]) -> None:
        store.track_campaign_costs_batch(
            {
                "campaign_id": campaign,
                "service": "bouncer",
                "items_processed": rng.randint(1, 9),
                "cost_usd": "0.01",
            }
            for campaign in campaigns
        )

    def statements() -> set[str]:
        query = text(
            "select query from monitoring.pg_stat_statements"
            " where userid = to_regrole(:role) and dbid ="
            "   (select oid from pg_database where datname = current_database())"
        )
        with owner_engine.connect() as connection:
            return set(connection.scalars(query, {"role": APP_ROLE}))

    campaigns = new_campaigns(store, CAMPAIGNS)
    combinations = set()
    for _ in range(BATCHES):
        chosen = rng.sample(campaigns, rng.randint(2, 6))
        combinations.add(frozenset(chosen))
        track(chosen)

    assert len(combinations) > 900
    # The view is the server's, and full: entries come and go while other tests run.
    texts = {re.sub(r"gate_\d+", "gate_N", statement) for statement in statements()}
    assert any(re.fullmatch("LOCK TABLE .*gate_N.*", statement) for statement in texts)
    assert len(texts) <= MOST_TEXTS, texts
