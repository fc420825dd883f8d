"""Creating a campaign with its ZIP codes, beside COPY, SQLAlchemy Core, the application code."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache

from psycopg import sql

from benchmarks.database import BenchDatabase
from benchmarks.figures import Figure
from benchmarks.indexes import without_each_index
from benchmarks.measurement import FUNCTION, Comparison, Often, Variant
from benchmarks.run import Bench
from campaigndb.calling.catalogue import BUDGETS
from campaigndb.tables import campaign_coverage, campaigns

NAME = "create_campaign_with_coverage"
BUDGET_ZIP_CODES = 100
# What so many may take, as a multiple of COPY's time.
COPY_ZIP_CODES = 10_000
COPY_LIMIT = Decimal("1.5")
# As many as the United States have.
ALL_ZIP_CODES = 41_000


def measure(bench: Bench) -> Iterator[Figure]:
    database = bench.database
    zip_codes = us_zip_codes(bench)
    for n in (
        BUDGET_ZIP_CODES,
        bench.size(COPY_ZIP_CODES, 1_000),
        bench.size(ALL_ZIP_CODES, 2_000),
    ):
        is_small = n == BUDGET_ZIP_CODES
        yield from bench.compare(
            Comparison(
                name=NAME,
                n=n,
                variants=_variants(database, zip_codes[:n]),
                baseline="COPY",
                calls=10 if is_small and not bench.quick else 1,
                discarded=1 if is_small else 0,
                tidy=database.vacuum,
                budget=BUDGETS[NAME] if is_small else None,
                ratio_limit=COPY_LIMIT if n == COPY_ZIP_CODES else None,
            )
        )
    yield from without_each_index(
        bench,
        NAME,
        bench.size(COPY_ZIP_CODES, 1_000),
        campaign_coverage,
        lambda connection, n: connection.execute(
            'select create_campaign_with_coverage(\'{"name": "Benchmark"}\', to_jsonb(%s::text[]))',
            [zip_codes[:n]],
        ),
    )


def _variants(database: BenchDatabase, zip_codes: list[str]) -> list[Variant]:
    return [
        Variant(FUNCTION, lambda _: database.new_campaign(zip_codes)),
        Variant("COPY", lambda _: _copy(database, zip_codes)),
        Variant(
            "application code",
            lambda _: database.application.create_campaign_with_coverage(
                {"name": "Benchmark"}, zip_codes
            ),
            often=Often.EACH_ROUND,
        ),
        Variant("Core insert", lambda _: _insert(database, zip_codes), often=Often.EACH_ROUND),
    ]


def us_zip_codes(bench: Bench) -> list[str]:
    """Real ones where the package that holds them is installed, else made up, and says so."""
    try:
        return _real_zip_codes()
    except ImportError:
        bench.tell("made-up ZIP codes: the package zipcodes, which has the real ones, is missing")
        return [f"{number:05}" for number in range(501, 501 + ALL_ZIP_CODES)]


@lru_cache(maxsize=1)
def _real_zip_codes() -> list[str]:
    import zipcodes

    return [str(each["zip_code"]) for each in zipcodes.list_all()]  # type: ignore[no-untyped-call]


def _copy(database: BenchDatabase, zip_codes: list[str]) -> None:
    campaign_id = uuid.uuid4()
    with database.owner.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "insert into {} (id, name, actual_zip_count, target_zip_count) "
                "values (%s, %s, %s, %s)"
            ).format(sql.Identifier(campaigns.name)),
            [campaign_id, "Benchmark", len(zip_codes), len(zip_codes)],
        )
        statement = sql.SQL("copy {} (campaign_id, zip_code) from stdin").format(
            sql.Identifier(campaign_coverage.name)
        )
        with cursor.copy(statement) as copy:
            for zip_code in zip_codes:
                copy.write_row((campaign_id, zip_code))
    database.owner.commit()


def _insert(database: BenchDatabase, zip_codes: list[str]) -> None:
    with database.owner_engine.begin() as connection:
        campaign_id = connection.execute(
            campaigns.insert()
            .values(
                name="Benchmark", actual_zip_count=len(zip_codes), target_zip_count=len(zip_codes)
            )
            .returning(campaigns.c.id)
        ).scalar_one()
        connection.execute(
            campaign_coverage.insert(),
            [{"campaign_id": campaign_id, "zip_code": zip_code} for zip_code in zip_codes],
        )
