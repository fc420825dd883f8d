"""A campaign to write costs to, and a way to hold its gate from a connection of one's own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg
import pytest
from sqlalchemy.engine import URL

from campaigndb import CampaignStore
from campaigndb.calling.gate import gate_statements

HoldGate = Callable[[uuid.UUID], AbstractContextManager[psycopg.Connection]]


@pytest.fixture
def campaign_id(store: CampaignStore) -> uuid.UUID:
    return store.create_campaign_with_coverage({"name": "Helsinki"}).campaign_id


@pytest.fixture
def hold_gate(app_url: URL) -> HoldGate:
    """Another caller at the gate; it lets go at the end of the block."""

    @contextmanager
    def hold(campaign_id: uuid.UUID) -> Iterator[psycopg.Connection]:
        url = app_url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(url) as connection:
            connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
            for statement in gate_statements("public", [campaign_id]):
                connection.execute(statement)
            yield connection

    return hold
