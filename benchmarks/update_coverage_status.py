"""Marking a ZIP code as scraped, beside the application code and the same UPDATE alone.

The smallest of the calls, so also measured a millisecond away, where round trips are what counts.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

from sqlalchemy import func, update

from benchmarks.create_campaign_with_coverage import us_zip_codes
from benchmarks.database import BenchDatabase
from benchmarks.figures import Figure
from benchmarks.measurement import FUNCTION, Comparison, Variant
from benchmarks.network import ROUND_TRIP_SECONDS, network
from benchmarks.run import Bench
from campaigndb.calling.catalogue import BUDGETS
from campaigndb.tables import campaign_coverage

NAME = "update_coverage_status"


def measure(bench: Bench) -> Iterator[Figure]:
    database = bench.database
    zip_codes = us_zip_codes(bench)[: bench.size(10_000, 100)]
    campaign_id = database.new_campaign(zip_codes)
    next_zip_code = itertools.cycle(zip_codes)
    found = (40, 12, Decimal("0.16"))

    def comparison(on: BenchDatabase, case: str = "") -> Comparison:
        def from_the_client(zip_code: str) -> None:
            coverage = campaign_coverage.c
            with on.owner_engine.begin() as connection:
                connection.execute(
                    update(campaign_coverage)
                    .where(coverage.campaign_id == campaign_id, coverage.zip_code == zip_code)
                    .values(
                        scraped=True,
                        scraped_at=func.now(),
                        businesses_found=found[0],
                        emails_found=found[1],
                        actual_cost=found[2],
                        updated_at=func.now(),
                    )
                )

        ways: dict[str, Callable[[str], object]] = {
            FUNCTION: lambda zip_code: on.store.update_coverage_status(
                campaign_id, zip_code, *found
            ),
            "application code": lambda zip_code: on.application.update_coverage_status(
                campaign_id, zip_code, *found
            ),
            "plain SQL": from_the_client,
        }
        return Comparison(
            name=NAME,
            n=1,
            case=case,
            variants=[
                Variant(name, way, prepare=lambda: next(next_zip_code))
                for name, way in ways.items()
            ],
            baseline="plain SQL",
            calls=5 if bench.quick else 40,
            discarded=2 if bench.quick else 8,
            budget=None if case else BUDGETS[NAME],
        )

    hot_updates = database.hot_updates(campaign_coverage)
    function, *others = bench.compare(comparison(database))
    yield replace(function, hot_updates=hot_updates())
    yield from others
    with (
        network(database.address, ROUND_TRIP_SECONDS) as far,
        contextlib.closing(BenchDatabase(far)) as distant,
    ):
        yield from bench.compare(comparison(distant, "1 ms away"))
