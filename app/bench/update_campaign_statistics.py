"""Counting a large campaign, beside counting its rows from the client."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select, update

from app.bench.figures import Figure
from app.bench.measurement import FUNCTION, Comparison, Variant
from app.bench.run import Bench
from app.budgets import BUDGETS
from app.tables import businesses, campaigns

NAME = "update_campaign_statistics"
BUDGET_BUSINESSES = 100_000


def measure(bench: Bench) -> Iterator[Figure]:
    database = bench.database
    n = bench.size(BUDGET_BUSINESSES, 2_000)
    bench.tell(f"{n:,} businesses to count")
    campaign_id = database.campaign_with_businesses(n)

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

    yield from bench.compare(
        Comparison(
            name=NAME,
            n=n,
            variants=[
                Variant(FUNCTION, lambda _: database.store.update_campaign_statistics(campaign_id)),
                Variant("plain SQL", from_the_client),
            ],
            baseline="plain SQL",
            calls=4,
            budget=BUDGETS[NAME] if n == BUDGET_BUSINESSES else None,
        )
    )
