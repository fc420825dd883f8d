"""Queue lengths from the partial indexes; dead rows, HOT updates and index use."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal

from sqlalchemy import Engine, text

from campaigndb import CampaignStore
from campaigndb.operations.monitoring import Statistics, Unavailable
from campaigndb.operations.monitoring.reading import _filled

Read = Callable[..., Statistics]


def test_queue_lengths_are_those_of_the_functions(
    read: Read,
    store: CampaignStore,
    add_business: Callable[..., uuid.UUID],
    campaign_id: uuid.UUID,
    other_campaign_id: uuid.UUID,
) -> None:
    first, second = add_business("one"), add_business("two")
    add_business("three")
    add_business("four", owner=other_campaign_id)
    store.update_enrichment_batch("facebook", [{"business_id": first, "success": True}])
    store.update_enrichment_batch("linkedin", [{"business_id": second, "success": True}])

    queues = read().queues

    lengths = {
        (each.campaign, each.queue): each.unfinished
        for each in queues
        if each.queue in ("facebook", "linkedin")
    }
    assert lengths == {
        (name, kind): len(store.get_businesses_for_enrichment(id_, kind))
        for id_, name in ((campaign_id, "Helsinki"), (other_campaign_id, "Espoo"))
        for kind in ("facebook", "linkedin")
    }


def test_each_queue_is_counted_in_its_partial_index(
    owner_engine: Engine, store: CampaignStore, campaign_id: uuid.UUID
) -> None:
    store.insert_businesses_batch(
        campaign_id, "00100", [{"place_id": str(n), "name": "Kauppahalli"} for n in range(300)]
    )
    query = _filled("queues", {"statements_view": None}, "public")
    with owner_engine.begin() as connection:
        connection.execute(text("update gmaps_businesses set linkedin_enriched = true"))
        connection.execute(text("update gmaps_businesses set enrichment_status = 'enriched'"))
        connection.execute(text("analyze gmaps_businesses"))
        connection.execute(text("set local enable_seqscan = off"))
        plan = "\n".join(connection.execute(text("explain " + query)).scalars())
    assert "idx_businesses_queue_facebook" in plan
    assert "idx_businesses_queue_linkedin" in plan


def test_hot_updates_dead_rows_and_unused_indexes(
    read: Read, app_engine: Engine, store: CampaignStore, campaign_id: uuid.UUID
) -> None:
    for _ in range(4):
        store.track_campaign_cost(campaign_id, "facebook", 1, "0.01")
    app_engine.dispose()

    def campaigns(found: Statistics) -> bool:
        assert not isinstance(found.tables, Unavailable)
        return found.tables[0].updates > 4  # one by its creation

    found = read(campaigns)

    assert not isinstance(found.tables, Unavailable)
    busiest = found.tables[0]
    assert (busiest.table, busiest.hot_ratio) == ("gmaps_campaigns", Decimal("1.000"))
    assert busiest.bytes > 0
    assert found.tables[-1].hot_ratio is None
    assert not any("gate" in each.table for each in found.tables)
    assert not isinstance(found.indexes, Unavailable)
    unused = {each.index for each in found.indexes if each.is_unused}
    assert "idx_cost_repairs_campaign_id" in unused
    assert "pk_gmaps_campaigns" not in unused
    assert "idx_businesses_place_id" not in unused  # it keeps places unique
