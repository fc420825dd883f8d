"""The report's figures, from one snapshot. Money is in USD, times are in UTC."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from campaigndb.database import quote_identifier
from campaigndb.operations.monitoring import FunctionStatistics, QueueLength
from campaigndb.operations.monitoring.document import other_queues
from campaigndb.operations.monitoring.reading import read_functions_on, read_queues_on
from campaigndb.operations.owner_reading import reading_tables
from campaigndb.operations.reconciliation import Reconciliation, reconcile_on
from campaigndb.settings import check_schema_name, get_settings
from campaigndb.tables.metadata import SERVICES

FOLDER = Path(__file__).parent
# Maximum number of periods, including those without costs.
MOST_PERIODS = 120
# Largest number of campaigns with a row of their own: a browser lays out a table as a whole.
MOST_CAMPAIGNS = 1000
_COUNTS = ("campaigns", "zip_codes", "scraped", "businesses", "emails", "leads")


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignFigures:
    """One campaign, or the sum of several (`campaigns`) without `id`, `name` and `status`."""

    id: uuid.UUID | None
    name: str | None
    status: str | None
    campaigns: int
    zip_codes: int
    scraped: int
    businesses: int
    emails: int
    leads: int
    cost: Decimal
    google_maps: Decimal
    facebook: Decimal
    linkedin: Decimal
    bouncer: Decimal

    @property
    def coverage(self) -> Decimal | None:
        """The share of its ZIP codes that were scraped; None without ZIP codes."""
        return Decimal(self.scraped) / self.zip_codes if self.zip_codes else None

    @property
    def cost_per_lead(self) -> Decimal | None:
        """The cost of one ready lead, with the ledger's decimals; None without leads."""
        return (self.cost / self.leads).quantize(Decimal("0.0001")) if self.leads else None


@dataclass(frozen=True, slots=True)
class CostPeriod:
    """The cost of each service in a period. `begin` is None for costs without a time."""

    begin: datetime.datetime | None
    costs: Mapping[str, Decimal]

    @property
    def total(self) -> Decimal:
        """The sum over the services."""
        return sum(self.costs.values(), Decimal("0.0000"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """The number of businesses at each step; each step is a part of the step before.

    `ready` counts leads that can be exported. `suppressed` ones are in no step after `safe`.
    `exported` counts a lead once for each of the `exports` that contain it.
    """

    found: int
    with_email: int
    verified: int
    safe: int
    ready: int
    suppressed: int
    exports: int
    exported: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All figures at one moment. `campaigns` are the largest ones and the sum of the others."""

    taken_at: datetime.datetime
    database: str
    schema: str
    campaigns: Sequence[CampaignFigures]
    period_unit: str
    periods: Sequence[CostPeriod]
    funnel: Funnel
    queues: Sequence[QueueLength]
    functions: Sequence[FunctionStatistics]
    notes: Sequence[str]
    reconciliation: Reconciliation

    @property
    def shown_queues(self) -> Sequence[QueueLength]:
        """The queues of the campaigns with their own row."""
        shown = {each.id for each in self.campaigns}
        return [queue for queue in self.queues if queue.campaign_id in shown]

    @property
    def other_queues(self) -> Mapping[str, Any]:
        """The number of the other queues, and their sums."""
        shown = self.shown_queues
        return other_queues([queue for queue in self.queues if queue not in shown], 0)

    @property
    def repeated_names(self) -> frozenset[str | None]:
        """Names that several campaigns share, which are told apart by their ids."""
        names = [each.name for each in self.campaigns if each.id is not None]
        return frozenset(name for name in names if names.count(name) > 1)

    @property
    def all_campaigns(self) -> CampaignFigures:
        """The sum of all campaigns."""
        sums: dict[str, Any] = {
            name: sum((getattr(each, name) for each in self.campaigns), start)
            for names, start in ((_COUNTS, 0), (("cost", *SERVICES), Decimal("0.0000")))
            for name in names
        }
        return CampaignFigures(id=None, name=None, status=None, **sums)


def read_figures(engine: Engine, schema: str | None = None, *, shown: int = 20) -> Figures:
    """Reads all figures in one REPEATABLE READ transaction, so that they agree.

    Args:
        engine: on the database, as the role that owns the tables.
        schema: where the tables are; default: the setting `CAMPAIGNDB_SCHEMA`.
        shown: number of campaigns with their own row, the most expensive first; 1 to 1,000.

    Raises:
        ValueError: `shown` is more than a page can show.
        TableAccessError: the role may not read every row.
    """
    if not 1 <= shown <= MOST_CAMPAIGNS:
        raise ValueError(f"a page shows 1 to {MOST_CAMPAIGNS:,} campaigns, not {shown:,}")
    schema = get_settings().schema_name if schema is None else check_schema_name(schema)
    with reading_tables(engine, schema) as connection:
        campaigns = [
            CampaignFigures(**row) for row in _rows(connection, "campaigns", schema, shown=shown)
        ]
        unit, periods = _periods(_rows(connection, "costs", schema))
        [funnel] = _rows(connection, "funnel", schema)
        reconciliation = reconcile_on(connection)
        queues = read_queues_on(connection, schema)
        counted = read_functions_on(connection, schema)
    return Figures(
        taken_at=counted.taken_at,
        database=counted.database,
        schema=schema,
        campaigns=campaigns,
        period_unit=unit,
        periods=periods,
        funnel=Funnel(**funnel),
        queues=queues,
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
