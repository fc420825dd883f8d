"""`python -m examples.application_logic`: a campaign served by functions and application code.

It works on a database of its own, on a server that is started for it.
"""

from __future__ import annotations

import logging

from sqlalchemy import create_engine

from campaigndb import CampaignStore
from campaigndb.embedded_server import temporary_server
from campaigndb.migrations.commands import upgrade
from campaigndb.rollout import Percentages, RolloutStore
from campaigndb.settings import Settings
from examples.application_logic import ApplicationLogic


def main() -> None:
    """Makes every call at 0 and at 100 percent, and prints the results."""
    logging.basicConfig(format="%(message)s")
    with temporary_server(Settings(_env_file=None)) as server:
        upgrade(server.url, settings=Settings(_env_file=None))
        engine = create_engine(server.url)
        for percentage in (0, 100):
            store = RolloutStore(
                CampaignStore(engine, schema="public"),
                ApplicationLogic(engine, schema="public"),
                fixed=Percentages(in_settings={"all": percentage}),
            )
            _work(store, f"{percentage} percent by functions")
        engine.dispose()


def _work(store: RolloutStore, name: str) -> None:
    print(name)
    campaign_id = store.create_campaign_with_coverage({"name": name}, ["00100"]).campaign_id
    record = {"place_id": name, "name": "Kauppahalli", "email": "info@hall.example"}
    print(" ", store.insert_businesses_batch(campaign_id, "00100", [record]))
    for business in store.get_businesses_for_enrichment(campaign_id, "linkedin"):
        found = {"business_id": business.business_id, "linkedin_url": "https://l.example/hall"}
        print(" ", store.update_enrichment_batch("linkedin", [found]))
        verdict = {"status": "deliverable"}
        print(" ", store.update_email_verification(business.business_id, record["email"], verdict))
    print(" ", store.update_coverage_status(campaign_id, "00100", 1, 1, "0.5"))
    print(" ", store.track_campaign_cost(campaign_id, "linkedin", 1, "0.25"))
    print(" ", store.update_campaign_statistics(campaign_id))


if __name__ == "__main__":
    main()
