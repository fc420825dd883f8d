"""A monitoring role sees everything; a lesser one is told what it lacks, part by part."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL

from campaigndb.operations.monitoring import Statistics, Unavailable, read_statistics
from tests.migrations.databases import PASSWORD, new_role


@pytest.fixture
def role(server_url: URL) -> Iterator[str]:
    with new_role(server_url, f"monitor {uuid.uuid4().hex[:8]}") as name:
        yield name


def _read_as(url: URL, role: str) -> Statistics:
    engine = create_engine(url.set(username=role, password=PASSWORD))
    try:
        return read_statistics(engine, "public")
    finally:
        engine.dispose()


def test_every_right_that_is_lacking_is_named(
    database_url: URL, owner_engine: Engine, role: str, campaign_id: uuid.UUID
) -> None:
    def execute(statement: str) -> None:
        with owner_engine.begin() as connection:
            connection.execute(text(statement))

    def reasons(found: Statistics) -> tuple[str, str]:
        assert isinstance(found.queues, Unavailable)
        assert isinstance(found.reconciliation, Unavailable)
        return found.queues.reason, found.reconciliation.reason

    try:
        execute("revoke usage on schema public from public")
        for reason in reasons(_read_as(database_url, role)):
            assert f'grant usage on schema "public" to "{role}"' in reason
        execute(f'grant usage on schema public to "{role}"')
        found = _read_as(database_url, role)
        queues, ledger = reasons(found)
        assert (
            'grant select on "public".gmaps_businesses, "public".gmaps_campaign_coverage,'
            f' "public".gmaps_campaigns, "public".gmaps_lookups to "{role}"' in queues
        )
        assert "gmaps_api_costs" in ledger
        assert any(f'grant pg_read_all_stats to "{role}"' in note for note in found.notes)
        # What every role may read is there.
        for part in (found.lock_waits, found.activity, found.tables, found.indexes):
            assert not isinstance(part, Unavailable)

        execute(
            "grant select on gmaps_campaigns, gmaps_campaign_coverage, gmaps_businesses,"
            " gmaps_lookups, gmaps_api_costs"
            f' to "{role}"; grant pg_monitor to "{role}"'
        )
        for reason in reasons(_read_as(database_url, role)):
            assert f'alter role "{role}" bypassrls' in reason
        execute(f'alter role "{role}" bypassrls')
        found = _read_as(database_url, role)
        for part in (found.queues, found.reconciliation):
            assert not isinstance(part, Unavailable)
        assert not any("grant" in note for note in found.notes)
    finally:
        execute(f'drop owned by "{role}"')
