"""Calls of every kind, run by the Python of another environment: `python calls.py`."""

import asyncio
import os

from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session

from campaigndb import AsyncCampaignStore, CampaignStore
from campaigndb.rollout import CostFallback

URL = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")
SERIALIZABLE = {"isolation_level": "SERIALIZABLE"}


def main() -> None:
    engine = create_engine(URL)
    store = CampaignStore(engine)
    campaign = store.create_campaign_with_coverage({"name": "Helsinki"}, ["00100"]).campaign_id
    place = {"place_id": str(campaign), "name": "Kauppahalli", "facebook_url": "https://f.fi/x"}
    store.insert_businesses_batch(campaign, "00100", [place])
    [business] = store.iter_businesses_for_enrichment(campaign, "facebook")
    store.update_enrichment_batch("facebook", [{"business_id": business.business_id}])
    cost = {"campaign_id": campaign, "service": "facebook", "items_processed": 1, "cost_usd": "1"}
    store.track_campaign_cost(campaign, "facebook", 1, "1")
    store.track_campaign_costs_batch([cost])
    store.run_in_transaction(
        lambda bound: bound.track_campaign_cost(campaign, "facebook", 1, "1"),
        cost_campaigns=[campaign],
    )
    with Session(engine) as session:
        session.connection(execution_options=SERIALIZABLE)
        store.bind(session).track_campaign_cost(campaign, "bouncer", 1, "0.08")
        session.commit()
    tracked = CostFallback(engine).track_campaign_cost(campaign, "linkedin", 1, "0.02")
    print(tracked.new_total, asyncio.run(count(campaign)))


async def count(campaign: object) -> int:
    engine = create_async_engine(URL)
    counted = await AsyncCampaignStore(engine).update_campaign_statistics(str(campaign))
    await engine.dispose()
    return counted.total_businesses


main()
