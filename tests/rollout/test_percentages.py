"""Who serves a campaign: always the same side at one percentage, and only forward."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, event

from campaigndb.calling.catalogue import FUNCTIONS
from campaigndb.rollout import Percentages, RolloutSettingsError, RolloutStore
from campaigndb.rollout.percentages import bucket_of, is_served
from campaigndb.settings import Settings
from campaigndb.tables import rollout_percentages

CAMPAIGNS = [uuid.UUID(int=number) for number in range(10_000)]


def test_a_percentage_is_that_share_of_the_campaigns() -> None:
    for percentage in (0, 1, 25, 50, 75, 99, 100):
        share = sum(is_served(percentage, [each]) for each in CAMPAIGNS) / len(CAMPAIGNS)
        assert share == pytest.approx(percentage / 100, abs=0.02)
    assert {bucket_of(each) for each in CAMPAIGNS} == set(range(100))


def test_raising_the_percentage_only_moves_campaigns_forward() -> None:
    for campaign_id in CAMPAIGNS[:500]:
        served = [is_served(percentage, [campaign_id]) for percentage in range(101)]
        assert served == sorted(served), "once served, served at every higher percentage"
        assert (served[0], served[100]) == (False, True)


def test_a_campaigns_bucket_never_changes_with_a_release() -> None:
    buckets = [bucket_of(uuid.UUID(int=number)) for number in range(5)]
    assert buckets == [69, 11, 32, 10, 48]


def test_several_campaigns_move_with_the_last_of_them_and_nobodys_call_at_the_end() -> None:
    first, last = sorted(CAMPAIGNS[:100], key=bucket_of)[::99]
    assert not is_served(bucket_of(last), [first, last])
    assert is_served(bucket_of(last) + 1, [first, last])
    assert not is_served(99, [])
    assert is_served(100, [])


def test_the_table_counts_before_the_settings_and_a_function_before_all() -> None:
    known = Percentages(
        {"all": 10, "track_campaign_cost": 75, "no_such_function": 5},
        {"all": 50, "update_coverage_status": 99},
    )
    assert known.with_source("track_campaign_cost") == (75, "table")
    assert known.with_source("update_coverage_status") == (10, "table")
    settings = Percentages(in_settings={"all": 50, "update_coverage_status": 99})
    assert settings.with_source("update_coverage_status") == (99, "settings")
    assert settings.with_source("track_campaign_cost") == (50, "settings")
    assert {Percentages().of(function.name) for function in FUNCTIONS.values()} == {0}


def test_the_iterators_pages_go_where_the_queue_goes() -> None:
    known = Percentages(in_settings={"get_businesses_for_enrichment": 25})
    assert known.of("get_businesses_for_enrichment_after") == 25
    assert known.of("get_enrichment_queue_page") == 25


@pytest.mark.parametrize(
    ("percentages", "told"),
    [
        ({"track_cost": 5}, "no function 'track_cost'"),
        ({"all": 101}, "from 0 to 100: 101"),
        ({"all": -1}, "from 0 to 100: -1"),
        ({"all": 25.5}, "from 0 to 100: 25.5"),
        ({"all": True}, "from 0 to 100: True"),
        ({"all": "25"}, "from 0 to 100: 25"),
    ],
)
def test_wrong_settings_are_refused(percentages: dict[str, Any], told: str) -> None:
    with pytest.raises(RolloutSettingsError, match=told):
        Percentages(in_settings=percentages)


def test_settings_come_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGNDB_ROLLOUT", '{"all": 25, "track_campaign_cost": 50}')
    settings = Settings(_env_file=None)
    assert settings.rollout == {"all": 25, "track_campaign_cost": 50}


def test_running_processes_follow_the_table(
    rollout: Callable[..., RolloutStore],
    campaign_id: uuid.UUID,
    owner_engine: Engine,
    routes: list[tuple[str, str]],
) -> None:
    store = rollout({"refresh_seconds": 0.0})
    store.update_campaign_statistics(campaign_id)
    with owner_engine.begin() as connection:
        connection.execute(rollout_percentages.insert().values(function_name="all", percentage=100))
    store.update_campaign_statistics(campaign_id)
    with owner_engine.begin() as connection:
        connection.execute(rollout_percentages.delete())
    store.update_campaign_statistics(campaign_id)
    assert [side for side, _ in routes] == ["fallback", "function", "fallback"]


def test_without_the_table_the_last_percentages_stay(
    rollout: Callable[..., RolloutStore],
    campaign_id: uuid.UUID,
    owner_engine: Engine,
    routes: list[tuple[str, str]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(rollout_percentages.insert().values(function_name="all", percentage=100))
    store = rollout({"refresh_seconds": 0.0})
    store.update_campaign_statistics(campaign_id)
    with owner_engine.begin() as connection:
        connection.exec_driver_sql("drop table gmaps_rollout_percentages")
    store.update_campaign_statistics(campaign_id)
    store.update_campaign_statistics(campaign_id)
    assert [side for side, _ in routes] == ["function"] * 3
    assert caplog.text.count("could not be read") == 1


def test_a_locked_table_makes_no_caller_wait_for_long(
    rollout: Callable[..., RolloutStore],
    campaign_id: uuid.UUID,
    owner_engine: Engine,
    routes: list[tuple[str, str]],
) -> None:
    store = rollout({"refresh_seconds": 60.0})
    with owner_engine.begin() as connection:
        connection.exec_driver_sql("lock table gmaps_rollout_percentages")
        store.update_campaign_statistics(campaign_id)
        store.update_campaign_statistics(campaign_id)
    assert [side for side, _ in routes] == ["fallback"] * 2


def test_the_table_is_read_once_in_a_while(
    rollout: Callable[..., RolloutStore], campaign_id: uuid.UUID, owner_engine: Engine
) -> None:
    statements: list[str] = []
    event.listen(
        owner_engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2])
    )
    store = rollout({"refresh_seconds": 60.0})
    for _ in range(10):
        store.update_campaign_statistics(campaign_id)
    assert sum("gmaps_rollout_percentages" in statement for statement in statements) == 1
