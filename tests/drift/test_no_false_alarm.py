"""Whatever a database has been through, what is as it should be is no drift."""

from __future__ import annotations

import uuid
from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy.engine import URL

from campaigndb import CampaignStore
from campaigndb.migrations.commands import downgrade, offline_script, upgrade
from campaigndb.operations.drift import find_drift
from campaigndb.settings import Settings
from tests.drift.conftest import SETTINGS, Execute
from tests.migrations.catalog import connect
from tests.migrations.databases import new_database
from tests.migrations.programs import pg_dump, psql
from tests.support.revisions import HEAD, PREVIOUS


def drift_of(url: URL, settings: Settings = SETTINGS) -> list[str]:
    return [item.line for item in find_drift(url, settings, keep_shadow=True).differences]


def test_step_by_step(server_url: URL) -> None:
    with new_database(server_url) as url:
        for revision in ("0001", PREVIOUS, "head"):
            upgrade(url, revision, SETTINGS)
        assert drift_of(url) == []


def test_down_and_up_again(database_url: URL) -> None:
    downgrade(database_url, "0001", SETTINGS)
    upgrade(database_url, settings=SETTINGS)
    assert drift_of(database_url) == []
    downgrade(database_url, "base", SETTINGS)
    upgrade(database_url, settings=SETTINGS)
    assert drift_of(database_url) == []


def test_behind_is_told_and_nothing_else(database_url: URL) -> None:
    downgrade(database_url, "0001", SETTINGS)
    report = find_drift(database_url, SETTINGS, keep_shadow=True)
    assert report.revision == "0001"
    assert [item.line for item in report.differences] == [
        f"revision of schema public: number: expected {HEAD}, found 0001"
    ]
    assert report.differences[0].mend == "alembic upgrade head"


def test_the_version_table_of_an_earlier_release(database_url: URL, execute: Execute) -> None:
    """The next upgrade renames it."""
    execute("alter table gmaps_alembic_version rename to alembic_version")
    execute("alter index gmaps_alembic_version_pkc rename to alembic_version_pkc")
    assert drift_of(database_url) == []


def test_by_an_offline_script(server_url: URL) -> None:
    with new_database(server_url) as url:
        with connect(url) as connection:
            connection.execute(offline_script("upgrade", "head", SETTINGS).encode())
        assert drift_of(url) == []


@pytest.mark.parametrize("schema", ["tenant", "Tenant-1", "schéma"])
def test_in_another_schema(database_url: URL, schema: str) -> None:
    settings = replace(SETTINGS, schema_name=schema)
    upgrade(database_url, settings=settings)
    assert drift_of(database_url, settings) == []


def test_restored_from_a_dump(database_url: URL, server_url: URL) -> None:
    with new_database(server_url) as url:
        restored = psql(url, pg_dump(database_url))
        assert restored.returncode == 0, restored.stderr
        assert drift_of(url) == []


def test_after_maintenance(database_url: URL, execute: Execute) -> None:
    execute("vacuum full analyze")
    execute(f"reindex database {database_url.database}")
    execute("reindex index concurrently idx_businesses_place_id")
    execute("cluster gmaps_api_costs using idx_api_costs_campaign_id")
    execute("alter table gmaps_api_costs set without cluster")
    assert drift_of(database_url) == []


@pytest.mark.parametrize(
    "calls", [10_000, pytest.param(1_000_000, marks=pytest.mark.torture)], ids=["some", "a million"]
)
def test_after_many_calls(
    calls: int, database_url: URL, store: CampaignStore, campaign_id: uuid.UUID, execute: Execute
) -> None:
    store.insert_businesses_batch(campaign_id, "00100", [{"place_id": "p", "name": "n"}])
    for _ in range(100):
        store.update_campaign_statistics(campaign_id)
        store.track_campaign_cost(campaign_id, "facebook", 1, Decimal("0.01"))
    execute(
        "do $$ begin perform count(*) from generate_series(1, "
        f"{calls}) as call, get_businesses_for_enrichment('{campaign_id}', 'facebook', 1, call * 0)"
        "; end $$"
    )
    execute("analyze")
    assert drift_of(database_url) == []
