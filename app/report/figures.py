"""The report's figures, all of one snapshot. Money in USD, times in UTC."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from app.identifiers import quote_identifier
from app.monitoring import FunctionStatistics
from app.monitoring.reading import read_functions_on
from app.reconciliation import Reconciliation, reconcile_on
from app.settings import check_schema_name, get_settings
from app.table_reading import reading_tables
from app.tables.metadata import SERVICES

FOLDER = Path(__file__).parent
# Periods without any cost are shown too; after a gap of years they would fill the page.
MOST_PERIODS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignFigures:
    """One campaign; or `campaigns` of them added up, whose `id`, `name` and `status` are None."""

    id: uuid.UUID | None
    name: str | None
    status: str | None
    campaigns: int
    zip_codes: int
    scraped: int
    businesses: int
    emails: int
    cost: Decimal
    google_maps: Decimal
    facebook: Decimal
    linkedin: Decimal
    bouncer: Decimal

    @property
    def coverage(self) -> Decimal | None:
        """The share of its ZIP codes that were scraped; None where it has none."""
        return Decimal(self.scraped) / self.zip_codes if self.zip_codes else None


@dataclass(frozen=True, slots=True)
class CostPeriod:
    """What each service cost in an hour, day, week or month; `begin` None: at no known time."""

    begin: datetime.datetime | None
    costs: Mapping[str, Decimal]

    @property
    def total(self) -> Decimal:
        return sum(self.costs.values(), Decimal("0.0000"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """How many businesses came how far; each step counts those of the step before."""

    found: int
    with_email: int
    verified: int
    safe: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All of one moment; `campaigns` are the largest, and the others as one."""

    taken_at: datetime.datetime
    database: str
    schema: str
    campaigns: Sequence[CampaignFigures]
    period_unit: str
    periods: Sequence[CostPeriod]
    funnel: Funnel
    functions: Sequence[FunctionStatistics]
    notes: Sequence[str]
    reconciliation: Reconciliation

    @property
    def all_campaigns(self) -> CampaignFigures:
        """Their sum."""
        parts = self.campaigns
        zero = Decimal("0.0000")
        return CampaignFigures(
            id=None,
            name=None,
            status=None,
            campaigns=sum(each.campaigns for each in parts),
            zip_codes=sum(each.zip_codes for each in parts),
            scraped=sum(each.scraped for each in parts),
            businesses=sum(each.businesses for each in parts),
            emails=sum(each.emails for each in parts),
            cost=sum((each.cost for each in parts), zero),
            **{
                service: sum((getattr(each, service) for each in parts), zero)
                for service in SERVICES
            },
        )


def read_figures(engine: Engine, schema: str | None = None, *, shown: int = 20) -> Figures:
    """Reads everything in one REPEATABLE READ transaction, so that the figures agree.

    Args:
        engine: on the database, as the role that owns the tables.
        schema: where the tables are; default: the setting `CAMPAIGNDB_SCHEMA`.
        shown: how many campaigns stand for themselves, the most expensive first.

    Raises:
        TableAccessError: the role may not read every row.
    """
    schema = get_settings().schema_name if schema is None else check_schema_name(schema)
    with reading_tables(engine, schema) as connection:
        campaigns = [
            CampaignFigures(**row) for row in _rows(connection, "campaigns", schema, shown=shown)
        ]
        unit, periods = _periods(_rows(connection, "costs", schema))
        [funnel] = _rows(connection, "funnel", schema)
        reconciliation = reconcile_on(connection)
        counted = read_functions_on(connection, schema)
    return Figures(
        taken_at=counted.taken_at,
        database=counted.database,
        schema=schema,
        campaigns=campaigns,
        period_unit=unit,
        periods=periods,
        funnel=Funnel(**funnel),
        functions=counted.functions,
        notes=counted.notes,
        reconciliation=reconciliation,
    )


def _rows(
    connection: Connection, name: str, schema: str, **parameters: Any
) -> Sequence[Mapping[str, Any]]:
    query = (FOLDER / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    result = connection.exec_driver_sql(query.format(schema=quote_identifier(schema)), parameters)
    return [dict(row) for row in result.mappings()]


def _periods(rows: Sequence[Mapping[str, Any]]) -> tuple[str, list[CostPeriod]]:
    costs: dict[datetime.datetime | None, dict[str, Decimal]] = {}
    for row in rows:
        costs.setdefault(row["period"], {})[row["service"]] = row["cost"]
    unit = rows[0]["unit"] if rows else "day"
    dated = sorted(begin for begin in costs if begin is not None)
    begins: list[datetime.datetime | None] = []
    if dated:
        begins += _from_to(dated[0], dated[-1], unit)
        if len(begins) > MOST_PERIODS:
            begins = list(dated)
    if None in costs:
        begins.append(None)
    none = Decimal("0.0000")
    return unit, [
        CostPeriod(
            begin, {service: costs.get(begin, {}).get(service, none) for service in SERVICES}
        )
        for begin in begins
    ]


def _from_to(
    first: datetime.datetime, last: datetime.datetime, unit: str
) -> list[datetime.datetime]:
    found = [first]
    while found[-1] < last and len(found) <= MOST_PERIODS:
        previous = found[-1]
        if unit == "month":
            months = previous.year * 12 + previous.month
            following = previous.replace(year=months // 12, month=months % 12 + 1)
        else:
            following = previous + datetime.timedelta(**{f"{unit}s": 1})
        found.append(following)
    return found
