"""`campaigndb stats`: tables, JSON, Prometheus, watching; exit code 2 where nothing is told."""

import json
import signal
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from campaigndb import CampaignStore
from campaigndb.operations.monitoring.document import QUEUES_SHOWN

CampaignDb = Callable[..., Any]


def test_every_part_is_shown(
    campaigndb: CampaignDb,
    store: CampaignStore,
    campaign_id: uuid.UUID,
    add_business: Callable[..., uuid.UUID],
    owner_engine: Engine,
) -> None:
    add_business()
    store.track_campaign_cost(campaign_id, "facebook", 1, "1.5")
    with owner_engine.begin() as connection:
        connection.execute(text("update gmaps_campaigns set name = E'Helsinki \\x1b[31m'"))
        connection.execute(text("update gmaps_campaigns set facebook_cost = 9"))

    result = campaigndb("stats")

    assert (result.exit_code, result.stderr) == (0, "")
    for shown in (
        "track_campaign_cost",
        "lock waits: none",
        "0 deadlocks",
        str(campaign_id),
        "1 discrepancy (7.5000 USD): see campaigndb reconcile",
        "gmaps_campaigns",
        "idx_businesses_queue_facebook",
        "create extension pg_stat_statements",
    ):
        assert shown in result.stdout
    assert "\x1b" not in result.stdout

    machine = json.loads(campaigndb("stats", "--json").stdout)
    assert machine["queues"] == [
        {
            "campaign_id": str(campaign_id),
            "campaign": "Helsinki \x1b[31m",
            "queue": queue,
            "unfinished": length,
            "held": 0,
            "due": length,
            "waiting": 0,
            "failed": 0,
            "reserved": "0",
        }
        for queue, length in (("coverage", 2), ("facebook", 1), ("linkedin", 1))
    ]
    assert machine["reconciliation"]["discrepancy_usd"] == "7.5000"
    assert [each["budget_seconds"] for each in machine["functions"]][3] == 0.1
    skipped = json.loads(campaigndb("stats", "--json", "--no-reconcile").stdout)
    assert skipped["reconciliation"] == {"unavailable": "it was not asked for"}

    exposition = campaigndb("stats", "--prometheus")
    assert exposition.exit_code == 0
    assert "Helsinki" not in exposition.stdout
    assert len(list(text_string_to_metric_families(exposition.stdout))) > 15


def test_watching_ends_cleanly(
    campaigndb_process: Callable[..., Any], campaign_id: uuid.UUID
) -> None:
    process = campaigndb_process("stats", "--watch", "--json", "--interval", "0.1")
    readings = [json.loads(process.stdout.readline()) for _ in range(3)]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert readings[0]["taken_at"] < readings[1]["taken_at"] < readings[2]["taken_at"]
    assert readings[2]["reconciliation"] == readings[0]["reconciliation"]
    assert readings[0]["reconciliation"]["campaigns"] == 1


def test_a_long_name_does_not_fill_the_screen(
    campaigndb: CampaignDb, add_business: Callable[..., uuid.UUID], owner_engine: Engine
) -> None:
    add_business()
    with owner_engine.begin() as connection:
        connection.execute(text("update gmaps_campaigns set name = repeat('x', 5000)"))
    result = campaigndb("stats")
    assert "x" * 79 + "…" in result.stdout
    assert max(map(len, result.stdout.splitlines())) < 250
    assert "x" * 5000 in campaigndb("stats", "--json").stdout


@pytest.mark.parametrize("interval", ["0", "nan", "inf"])
def test_an_interval_is_a_time(campaigndb: CampaignDb, interval: str) -> None:
    result = campaigndb("stats", "--watch", "--interval", interval)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Invalid value for '--interval'" in result.stderr


@pytest.mark.parametrize("other", ["--json", "--watch"])
def test_formats_exclude_each_other(campaigndb: CampaignDb, other: str) -> None:
    result = campaigndb("stats", "--prometheus", other)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--prometheus" in result.stderr


def test_it_cannot_tell(
    campaigndb: CampaignDb, server_url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = server_url.set(drivername="postgresql")
    for url, reason in (
        (plain, "run campaigndb db migrate"),
        (plain.set(database="nowhere"), "does not exist"),
    ):
        monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
        result = campaigndb("stats")
        assert (result.exit_code, result.stdout) == (2, "")
        assert reason in result.stderr
        assert result.stderr.count("\n") == 1


def test_machines_get_as_many_queues_as_the_table_shows(
    campaigndb: CampaignDb, owner_engine: Engine
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(
            text(
                "with campaign as (insert into gmaps_campaigns (name)"
                " select 'number ' || n from generate_series(1, 300) as n returning id)"
                " insert into gmaps_businesses (campaign_id, place_id, name, zip_code)"
                " select id, id::text, 'Kahvila', '00100' from campaign"
            )
        )
    found = json.loads(campaigndb("stats", "--json").stdout)
    assert len(found["queues"]) == QUEUES_SHOWN
    assert found["other_queues"]["queues"] == 600 - QUEUES_SHOWN
    assert found["other_queues"]["due"] == 600 - QUEUES_SHOWN
    assert "580 more queues" in campaigndb("stats").stdout
