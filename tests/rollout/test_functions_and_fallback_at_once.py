"""Functions and fallback at once on the same campaigns: exact, and nobody stuck."""

from __future__ import annotations

import multiprocessing
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL

from campaigndb import CampaignStore
from campaigndb.operations.reconciliation import reconcile
from campaigndb.rollout import Percentages, RolloutStore
from campaigndb.tables import api_costs, businesses, campaigns
from examples.application_logic import ApplicationLogic

PROCESSES = 4
TURNS = 12


def _work(app_url: str, owner_url: str, ids: list[uuid.UUID], number: int, failures: Any) -> None:
    """Two processes go by 50 percent, two by 100 and 0: a percentage that changes."""
    engines = [create_engine(app_url), create_engine(owner_url)]
    percentage = (50, 100, 0, 50)[number]
    try:
        store = RolloutStore(
            CampaignStore(engines[0], schema="public"),
            ApplicationLogic(engines[1], schema="public"),
            fixed=Percentages(in_settings={"all": percentage}),
        )
        for turn in range(TURNS):
            for id_ in ids:
                store.track_campaign_cost(id_, "facebook", 1, "0.0101")
                records = [
                    {"place_id": f"{id_}-{place}", "name": "A", "reviewsCount": number * 100 + turn}
                    for place in range(turn, turn + 5)
                ]
                store.insert_businesses_batch(id_, "00100", records[:: -1 if number % 2 else 1])
                queue = store.get_businesses_for_enrichment(id_, "facebook", 3)
                store.update_enrichment_batch(
                    "facebook",
                    [{"business_id": business.business_id, "success": True} for business in queue],
                )
                store.track_campaign_costs_batch(
                    [
                        {
                            "campaign_id": each,
                            "service": "bouncer",
                            "items_processed": 1,
                            "cost_usd": Decimal("0.0003"),
                        }
                        for each in ids
                    ]
                )
                store.update_campaign_statistics(id_)
    except Exception as error:  # noqa: BLE001
        failures.append(repr(error))
    finally:
        for engine in engines:
            engine.dispose()


def test_costs_statistics_and_batches_at_fifty_percent(
    store: CampaignStore,
    app_url: URL,
    database_url: URL,
    owner_engine: Engine,
    rows: Callable[..., list[Any]],
) -> None:
    ids = [
        store.create_campaign_with_coverage({"name": name}, ["00100"]).campaign_id
        for name in ("Helsinki", "Espoo")
    ]
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        failures = manager.list()
        urls = [url.render_as_string(hide_password=False) for url in (app_url, database_url)]
        workers = [
            context.Process(target=_work, args=(*urls, ids, number, failures))
            for number in range(PROCESSES)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(100)
        assert list(failures) == []
    assert [worker.exitcode for worker in workers] == [0] * PROCESSES

    single = PROCESSES * TURNS
    for id_ in ids:
        costs = [row.cost_usd for row in rows(api_costs, campaign_id=id_)]
        assert len(costs) == single * (1 + len(ids))
        total = single * Decimal("0.0101") + single * len(ids) * Decimal("0.0003")
        assert sum(costs) == total
        [campaign] = rows(campaigns, id=id_)
        assert campaign.actual_cost == total
        assert campaign.facebook_cost == single * Decimal("0.0101")
        assert campaign.total_businesses_found == len(rows(businesses, campaign_id=id_))
    found = reconcile(owner_engine)
    assert (list(found.discrepancies), found.discrepancy) == ([], Decimal("0.0000"))
