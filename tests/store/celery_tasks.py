"""A Celery application as services write it: engine and store are older than the workers' forks."""

from __future__ import annotations

import os

from celery import Celery
from sqlalchemy import create_engine, text

from campaigndb import CampaignStore

BROKER, DATABASE = "CELERY_TEST_BROKER", "CELERY_TEST_DATABASE"

app = Celery("tasks", broker=os.environ[BROKER], backend=os.environ[BROKER])
# Tasks of one process do not wait for those of another one.
app.conf.worker_prefetch_multiplier = 1
engine = create_engine(os.environ[DATABASE])
store = CampaignStore(engine, schema="public")
with engine.connect() as connection:  # the pool has a connection when the workers begin
    connection.execute(text("select 1"))


@app.task(name="track")
def track(campaign_id: str, key: str, businesses: int) -> tuple[int, str, int]:
    """Which process it was, and its two answers."""
    cost = store.track_campaign_cost(campaign_id, "facebook", 1, "1", {"idempotency_key": key})
    coverage = store.update_coverage_status(campaign_id, "00100", businesses, 1, 1)
    return os.getpid(), str(cost.cost_id), coverage.businesses_found
