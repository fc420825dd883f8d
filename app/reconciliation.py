"""The ledger of costs against the campaigns' totals: whether every cost is in them, once."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from sqlalchemy import Engine, RowMapping, Select, func, select

from app.table_reading import reading_tables
from app.tables import api_costs, campaigns
from app.tables.campaigns import COST_TOTALS, SERVICE_COST_COLUMNS

# Exact for any sum of the ledger; NaN and infinity give NaN instead of an exception.
_EXACT = Context(prec=1000, traps=[])
_NOT_A_NUMBER = Decimal("NaN")
ROWS_FETCHED_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """A total that is not what it should be (USD).

    `what` is the total's column, or `sum of the services` where the actual cost is not the sum of
    the service totals. `campaign` is the campaign's name; None for costs of no campaign.
    """

    campaign_id: uuid.UUID
    campaign: str | None
    what: str
    total: Decimal
    ledger: Decimal

    @property
    def difference(self) -> Decimal:
        """Total less ledger, exact."""
        return _EXACT.subtract(self.total, self.ledger)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What was compared, and every discrepancy found."""

    campaigns: int
    costs: int
    discrepancies: tuple[Discrepancy, ...]

    @property
    def discrepancy(self) -> Decimal:
        """The sum of the differences' sizes; 0.0000 if there is none."""
        total = Decimal("0.0000")
        for discrepancy in self.discrepancies:
            total = _EXACT.add(total, discrepancy.difference.copy_abs())
        return total


def reconcile(engine: Engine, schema: str | None = None) -> Reconciliation:
    """Compares every campaign's totals with its ledger, in one statement and so one snapshot.

    Args:
        engine: on the database, as the role that owns the tables.
        schema: where the tables are; default: the setting `CAMPAIGNDB_SCHEMA`.

    Raises:
        TableAccessError: the role may not read every row.
    """
    count = entries = 0
    found: list[Discrepancy] = []
    with reading_tables(engine, schema) as connection:
        rows = connection.execution_options(yield_per=ROWS_FETCHED_AT_ONCE).execute(_statement())
        for row in rows.mappings():
            count += row["id"] is not None
            entries += row["entries"] or 0
            found += _compare(row)
    return Reconciliation(campaigns=count, costs=entries, discrepancies=tuple(found))


def _statement() -> Select[Any]:
    cost = api_costs.c.cost_usd
    ledger = (
        select(
            api_costs.c.campaign_id,
            func.count().label("entries"),
            func.sum(cost).label("actual_cost"),
            *[
                func.sum(cost).filter(api_costs.c.service == service).label(column)
                for service, column in SERVICE_COST_COLUMNS.items()
            ],
        )
        .group_by(api_costs.c.campaign_id)
        .subquery("ledger")
    )
    return (
        select(
            campaigns.c.id,
            campaigns.c.name,
            ledger.c.campaign_id.label("ledger_campaign_id"),
            ledger.c.entries,
            *[campaigns.c[column].label(f"total_{column}") for column in COST_TOTALS],
            *[ledger.c[column].label(f"ledger_{column}") for column in COST_TOTALS],
        )
        # Full: costs of a campaign that is gone are a discrepancy too.
        .join_from(campaigns, ledger, ledger.c.campaign_id == campaigns.c.id, full=True)
        .order_by(campaigns.c.created_at, campaigns.c.id)
    )


def _compare(row: RowMapping) -> Iterator[Discrepancy]:
    totals = {column: _total(row, column) for column in COST_TOTALS}
    pairs = [
        (column, total, row[f"ledger_{column}"] or Decimal(0)) for column, total in totals.items()
    ]
    by_service = Decimal(0)
    for column in SERVICE_COST_COLUMNS.values():
        by_service = _EXACT.add(by_service, totals[column])
    pairs.append(("sum of the services", totals["actual_cost"], by_service))
    for what, total, ledger in pairs:
        if total != ledger:  # NaN is not even equal to itself
            yield Discrepancy(
                campaign_id=row["id"] or row["ledger_campaign_id"],
                campaign=row["name"],
                what=what,
                total=total,
                ledger=ledger,
            )


def _total(row: RowMapping, column: str) -> Decimal:
    if row["id"] is None:
        return Decimal(0)  # there is no campaign to hold the costs
    total: Decimal | None = row[f"total_{column}"]
    return _NOT_A_NUMBER if total is None else total
