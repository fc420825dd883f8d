"""However many workers there are and however they die, each item has one holder at a time."""

from __future__ import annotations

import random
import uuid
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL

from campaigndb import CampaignStore
from tests.claims.crew import Task, check_one_holder, events, run_crew
from tests.faults.pooler import PROGRAM, pgbouncer
from tests.faults.workers import without_encryption

WORKERS = 16
ITEMS = 20_000

FILL = text("""
    insert into gmaps_businesses
      (campaign_id, place_id, name, facebook_url, needs_enrichment)
    select :campaign, 'p' || n, 'n', 'https://facebook.com/p' || n, true
    from generate_series(1, :count) as n
""")
LEFT = text("""
    select
      (select count(*) from gmaps_businesses where enrichment_status <> 'enriched'),
      (select count(*) from gmaps_lookups),
      (select count(*) from gmaps_facebook_enrichments)
""")


def fill(engine: Engine, campaign_id: uuid.UUID, count: int) -> None:
    with engine.begin() as connection:
        connection.execute(FILL, {"campaign": campaign_id, "count": count})


def left(engine: Engine) -> tuple[int, int, int]:
    with engine.connect() as connection:
        return tuple(connection.execute(LEFT).one())


def test_sixteen_workers_of_which_three_are_killed_hand_out_everything_once(
    app_url: URL, owner_engine: Engine, campaign_id, tmp_path: Path, rng: random.Random
) -> None:
    fill(owner_engine, campaign_id, ITEMS)
    run_crew(Task(app_url, campaign_id, tmp_path, lease_seconds=10), WORKERS, rng, killed=3)
    assert len(check_one_holder(tmp_path)) == ITEMS
    assert left(owner_engine) == (0, 0, ITEMS)


@pytest.mark.skipif(PROGRAM is None, reason="the program pgbouncer is not installed")
def test_the_same_through_a_transaction_pooler(
    app_url: URL, owner_engine: Engine, campaign_id, tmp_path: Path, rng: random.Random
) -> None:
    fill(owner_engine, campaign_id, 4000)
    with pgbouncer(app_url, pool_size=4) as port:
        task = Task(
            without_encryption(app_url, port),
            campaign_id,
            tmp_path,
            lease_seconds=5,
            engine_options=(("connect_args", {"prepare_threshold": None}),),
        )
        run_crew(task, WORKERS, rng, killed=3)
    assert len(check_one_holder(tmp_path)) == 4000
    assert left(owner_engine) == (0, 0, 4000)


def test_a_claim_whose_answer_is_lost_is_handed_out_again_to_the_same_worker(
    app_url: URL, owner_engine: Engine, campaign_id, store: CampaignStore
) -> None:
    fill(owner_engine, campaign_id, 10)
    first = store.claim_businesses_for_enrichment(campaign_id, "facebook", 5, "w").businesses
    # A process that starts again knows its name and nothing else.
    engine = create_engine(app_url)
    again = CampaignStore(engine, schema="public").claim_businesses_for_enrichment(
        campaign_id, "facebook", 5, "w"
    )
    engine.dispose()
    assert {b.business_id for b in again.businesses} == {b.business_id for b in first}


def test_the_workers_log_is_what_the_check_reads(
    app_url: URL, owner_engine: Engine, campaign_id, tmp_path: Path, rng: random.Random
) -> None:
    """A double claim, written by hand, is found."""
    fill(owner_engine, campaign_id, 10)
    run_crew(Task(app_url, campaign_id, tmp_path, lease_seconds=60, page_size=5), 1, rng)
    [first, *_] = [event for event in events(tmp_path) if event["event"] == "claimed"]
    (tmp_path / "thief").write_text(
        str(first | {"worker": "thief", "at": first["at"] + 0.0001}).replace("'", '"') + "\n"
    )
    with pytest.raises(AssertionError):
        check_one_holder(tmp_path)
