"""The helpers of emails, which callers may not execute: called by the owner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy.engine import URL

from campaigndb import CampaignStore
from campaigndb.tables import businesses
from tests.migrations.catalog import connect


@pytest.fixture
def owner(database_url: URL) -> Iterator[psycopg.Connection[Any]]:
    with connect(database_url) as connection:
        yield connection


Owner = psycopg.Connection[Any]


@pytest.fixture
def business_ids(store: CampaignStore, campaign_id: UUID, rows) -> list[UUID]:
    """Three businesses without an email, in the order of their places."""
    store.insert_businesses_batch(
        campaign_id, "1", [{"place_id": f"p{n}", "name": "Hall"} for n in range(3)]
    )
    return [b.id for b in sorted(rows(businesses), key=lambda business: business.place_id)]


@pytest.fixture
def see(owner: Owner) -> Callable[..., tuple[list[Any], list[Any]]]:
    """Stores addresses and chooses, as every writer does: `see((business_id, email, source), …)`"""

    def store_and_choose(*found: tuple[UUID, str, str]) -> tuple[list[Any], list[Any]]:
        ids, emails, sources = [list(column) for column in zip(*found, strict=True)]
        with owner.transaction():
            stored = owner.execute(
                "select * from store_business_emails(%s::uuid[], %s, %s)", [ids, emails, sources]
            ).fetchall()
            chosen = owner.execute(
                "select * from choose_business_emails(%s::uuid[])", [ids]
            ).fetchall()
        return stored, chosen

    return store_and_choose


@pytest.fixture
def verify(owner: Owner) -> Callable[..., None]:
    """Gives an address its verdict wherever it is, and lets those businesses choose."""

    def set_verdict(
        email: str, status: str, *, is_safe: bool | None = None, days_ago: int = 0
    ) -> None:
        with owner.transaction():
            ids = owner.execute(
                "update gmaps_business_emails set status = %s, is_safe = %s, score = 50,"
                " is_disposable = false, is_role_based = true, is_free_email = false,"
                " is_gibberish = false, verified_at = now() - make_interval(days => %s)"
                " where email_lower = lower(%s) returning business_id",
                [status, status == "deliverable" if is_safe is None else is_safe, days_ago, email],
            ).fetchall()
            owner.execute("select * from choose_business_emails(%s::uuid[])", [[i for (i,) in ids]])

    return set_verdict
