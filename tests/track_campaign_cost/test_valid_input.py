"""A cost goes into the ledger and, in the same transaction, into the campaign's totals."""

from decimal import Decimal

from sqlalchemy import Engine, select

from app import AsyncCampaignStore, CampaignStore
from app.tables import api_costs, campaigns


def test_the_ledger_and_both_totals_get_the_same_amount(
    store: CampaignStore, owner_engine: Engine
) -> None:
    campaign_id = store.create_campaign_with_coverage({"name": "Helsinki"}).campaign_id

    tracked = store.track_campaign_cost(campaign_id, "facebook", 7, Decimal("1.23456"))

    assert tracked.new_total == Decimal("1.2346")
    with owner_engine.connect() as connection:
        entry = connection.execute(select(api_costs)).one()
        campaign = connection.execute(select(campaigns)).one()
    assert (entry.id, entry.cost_usd, entry.items_processed) == (
        tracked.cost_id,
        Decimal("1.2346"),
        7,
    )
    assert campaign.actual_cost == campaign.facebook_cost == Decimal("1.2346")


async def test_the_async_store_does_the_same(async_store: AsyncCampaignStore) -> None:
    created = await async_store.create_campaign_with_coverage({"name": "Helsinki"})
    await async_store.track_campaign_cost(created.campaign_id, "bouncer", 1, "0.0001")
    tracked = await async_store.track_campaign_cost(created.campaign_id, "linkedin", 1, 2)
    assert tracked.new_total == Decimal("2.0001")
