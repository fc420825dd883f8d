"""Marking a ZIP code as scraped, beside the application path and the same UPDATE alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import func, update

from app.bench.create_campaign_with_coverage import us_zip_codes
from app.bench.figures import Figure
from app.bench.measurement import FUNCTION, Comparison, Variant
from app.bench.run import Bench
from app.budgets import BUDGETS
from app.tables import campaign_coverage

NAME = "update_coverage_status"


def measure(bench: Bench) -> Iterator[Figure]:
    database = bench.database
    zip_codes = us_zip_codes(bench)[: bench.size(10_000, 100)]
    campaign_id = database.new_campaign(zip_codes)
    next_zip_code = itertools.cycle(zip_codes)

    def from_the_client(zip_code: Any) -> None:
        coverage = campaign_coverage.c
        with database.owner_engine.begin() as connection:
            connection.execute(
                update(campaign_coverage)
                .where(coverage.campaign_id == campaign_id, coverage.zip_code == zip_code)
                .values(
                    scraped=True,
                    scraped_at=func.now(),
                    businesses_found=40,
                    emails_found=12,
                    actual_cost=Decimal("0.16"),
                    updated_at=func.now(),
                )
            )

    hot_updates = database.hot_updates(campaign_coverage)
    figures = bench.compare(
        Comparison(
            name=NAME,
            n=1,
            variants=[
                Variant(
                    FUNCTION,
                    lambda zip_code: database.store.update_coverage_status(
                        campaign_id, zip_code, 40, 12, Decimal("0.16")
                    ),
                    prepare=lambda: next(next_zip_code),
                ),
                Variant(
                    "application path",
                    lambda zip_code: database.application.update_coverage_status(
                        campaign_id, zip_code, 40, 12, Decimal("0.16")
                    ),
                    prepare=lambda: next(next_zip_code),
                ),
                Variant("plain SQL", from_the_client, prepare=lambda: next(next_zip_code)),
            ],
            baseline="plain SQL",
            calls=5 if bench.quick else 40,
            discarded=2 if bench.quick else 8,
            budget=BUDGETS[NAME],
        )
    )
    function, *others = figures
    yield replace(function, hot_updates=hot_updates())
    yield from others
