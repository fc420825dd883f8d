"""The same id again is the same campaign: a retry never makes a second one."""

import threading
import uuid

from campaigndb import CampaignStore
from campaigndb.tables import campaigns
from tests.support.waiting import wait_until_blocked


def test_the_same_id_returns_the_same_campaign_and_changes_nothing(
    store: CampaignStore, nothing_changes
) -> None:
    campaign_id = uuid.uuid4()
    first = store.create_campaign_with_coverage(
        {"id": campaign_id, "name": "Helsinki"}, ["1", "2", "2"]
    )
    with nothing_changes():
        again = store.create_campaign_with_coverage(
            {"id": str(campaign_id).upper(), "name": "Helsinki"}, ["1", "2", "2"]
        )
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.campaign_id, again.zip_count) == (campaign_id, 2)


def test_a_replay_with_other_data_keeps_the_first(
    store: CampaignStore, row, nothing_changes
) -> None:
    campaign_id = uuid.uuid4()
    store.create_campaign_with_coverage({"id": campaign_id, "name": "Helsinki"}, ["1"])
    with nothing_changes():
        again = store.create_campaign_with_coverage(
            {"id": campaign_id, "name": "Espoo"}, ["2", "3", "4"]
        )
    assert (again.replayed, again.zip_count) == (True, 1)
    assert row(campaigns).name == "Helsinki"


def test_a_replay_is_still_checked(raw_call, nothing_changes) -> None:
    campaign_id = str(uuid.uuid4())
    data = {"id": campaign_id, "name": "Helsinki"}
    raw_call("create_campaign_with_coverage", p_campaign_data=data, p_zip_codes=[])
    with nothing_changes():
        envelope = raw_call(
            "create_campaign_with_coverage",
            p_campaign_data={**data, "status": "lost"},
            p_zip_codes=[],
        )
    assert envelope["error_code"] == "22023"


def test_two_sessions_with_one_id_make_one_campaign(
    store: CampaignStore, app_engine, owner_engine, rows
) -> None:
    data = {"id": uuid.uuid4(), "name": "Helsinki"}
    results = []
    with app_engine.begin() as first:
        results.append(store.bind(first).create_campaign_with_coverage(data, ["1"]))
        second = threading.Thread(
            target=lambda: results.append(store.create_campaign_with_coverage(data, ["1"]))
        )
        second.start()
        wait_until_blocked(owner_engine)
    second.join(30)
    assert [(made.replayed, made.zip_count) for made in results] == [(False, 1), (True, 1)]
    assert len(rows(campaigns)) == 1
