"""Counting campaigns of every size, beside the aggregate query alone and counting by plain SQL.

The plain aggregate is the limit: it reads the same index and writes nothing. Both may use parallel
workers.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select, text, update

from benchmarks.database import BenchDatabase
from benchmarks.figures import Figure, Target, with_growth
from benchmarks.measurement import FUNCTION, Comparison, Variant
from benchmarks.run import Bench
from campaigndb.calling.catalogue import BUDGETS
from campaigndb.tables import businesses, campaigns

NAME = "update_campaign_statistics"
BUDGET_BUSINESSES = 100_000
LARGEST = 1_000_000
AGGREGATE_LIMIT = Decimal("1.1")
SIZES = (1_000, BUDGET_BUSINESSES, LARGEST)


def measure(bench: Bench) -> Iterator[Figure]:
    figures: list[Figure] = []
    for size in SIZES[:1] if bench.quick else SIZES:
        bench.tell(f"{size:,} businesses to count")
        campaign_id = bench.database.campaign_with_businesses(size)
        measured = list(
            bench.compare(
                Comparison(
                    name=NAME,
                    n=size,
                    variants=_variants(bench.database, campaign_id),
                    baseline="plain aggregate",
                    calls=10,
                    budget=BUDGETS[NAME] if size == BUDGET_BUSINESSES else None,
                    ratio_limit=AGGREGATE_LIMIT if size == LARGEST else None,
                )
            )
        )
        if size == LARGEST:
            with bench.database.owner_engine.begin() as connection:
                is_met = reads_the_index_only(connection, campaign_id)
            target = Target("by index-only scan", is_met)
            measured = [
                replace(each, targets=(target,)) if each.variant == FUNCTION else each
                for each in measured
            ]
        figures += measured
    yield from with_growth(figures)


def _variants(database: BenchDatabase, campaign_id: uuid.UUID) -> list[Variant]:
    def aggregate(_given: object) -> None:
        with database.owner_engine.begin() as connection:
            connection.execute(_aggregate(campaign_id)).one()

    def from_the_client(_given: object) -> None:
        """What can be counted without the columns and the index that are there for counting."""
        business = businesses.c
        with database.owner_engine.begin() as connection:
            counts = connection.execute(
                select(
                    func.count().label("total_businesses_found"),
                    func.count(business.email).label("total_emails_found"),
                    func.count(business.facebook_url).label("total_facebook_pages_found"),
                    func.count(business.linkedin_url).label("total_linkedin_profiles_found"),
                    func.count(business.email)
                    .filter(business.email_verified)
                    .label("total_verified_emails"),
                ).where(business.campaign_id == campaign_id)
            ).one()
            connection.execute(
                update(campaigns).where(campaigns.c.id == campaign_id).values(counts._mapping)
            )

    return [
        Variant(FUNCTION, lambda _: database.store.update_campaign_statistics(campaign_id)),
        Variant("plain aggregate", aggregate),
        Variant("plain SQL", from_the_client),
        Variant(
            "application code",
            lambda _: database.application.update_campaign_statistics(campaign_id),
        ),
    ]


def _aggregate(campaign_id: uuid.UUID) -> Select[int, int, int, int, int]:
    """The function's query."""
    business = businesses.c
    return select(
        func.count(),
        func.count().filter(business.has_email),
        func.count().filter(business.has_facebook_page),
        func.count().filter(business.has_linkedin_profile),
        func.count().filter(business.has_email, business.email_verified),
    ).where(business.campaign_id == campaign_id)


def reads_the_index_only(connection: Connection, campaign_id: uuid.UUID) -> bool:
    """Whether the function, in this transaction, reads businesses from an index and no row."""

    def read() -> Row[Any]:
        return connection.execute(
            text(
                "select seq_scan, idx_scan, idx_tup_fetch from pg_stat_xact_user_tables "
                "where relid = cast(:table as regclass)"
            ),
            {"table": businesses.name},
        ).one()

    # What parallel workers read is counted as theirs.
    connection.execute(text("set local max_parallel_workers_per_gather = 0"))
    # Earlier transactions of the connection may still be among them.
    before = read()
    # The first five may each be planned anew; the plan that is kept comes after them.
    for _ in range(6):
        connection.execute(select(func.update_campaign_statistics(campaign_id))).one()
    table_scans, index_scans, rows = (now - then for now, then in zip(read(), before, strict=True))
    return bool(index_scans) and not table_scans and not rows
