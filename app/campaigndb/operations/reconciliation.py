"""Compares the campaigns' cost totals with the ledger: each cost must be counted once.

`repair` sets wrong totals to the ledger's sums. The ledger itself never changes.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, Select, func, insert, select, update

from campaigndb.calling.retries import COST_POLICY, RetryPolicy
from campaigndb.calling.store import BoundStore
from campaigndb.operations.owner_reading import reading_tables, write_tables
from campaigndb.settings import check_schema_name, get_settings
from campaigndb.tables import api_costs, campaigns, cost_repairs
from campaigndb.tables.campaigns import COST_TOTALS, SERVICE_COST_COLUMNS

# Exact for any sum of the ledger. NaN and infinity give NaN instead of an exception.
_EXACT = Context(prec=1000, traps=[])
_NOT_A_NUMBER = Decimal("NaN")
ROWS_FETCHED_AT_ONCE = 1000
SUM_OF_THE_SERVICES = "sum of the services"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """A total that differs from its ledger (USD).

    `what` is the total's column, or `sum of the services` if the actual cost is not the sum of the
    service totals. `campaign` is the campaign's name, or None for costs without a campaign.
    """

    campaign_id: uuid.UUID
    campaign: str | None
    what: str
    total: Decimal
    ledger: Decimal

    @property
    def difference(self) -> Decimal:
        """The total minus the ledger, exact."""
        return _EXACT.subtract(self.total, self.ledger)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """The number of campaigns and costs compared, and the discrepancies."""

    campaigns: int
    costs: int
    discrepancies: tuple[Discrepancy, ...]

    @property
    def independent(self) -> tuple[Discrepancy, ...]:
        """The discrepancies without those that follow from another one of the same campaign.

        If a total is wrong, the actual cost is not the sum of the services either.
        """
        of_totals = {x.campaign_id for x in self.discrepancies if x.what != SUM_OF_THE_SERVICES}
        return tuple(
            discrepancy
            for discrepancy in self.discrepancies
            if discrepancy.what != SUM_OF_THE_SERVICES or discrepancy.campaign_id not in of_totals
        )

    @property
    def discrepancy(self) -> Decimal:
        """The sum of the absolute independent differences; 0.0000 if there are none."""
        total = Decimal("0.0000")
        for discrepancy in self.independent:
            total = _EXACT.add(total, discrepancy.difference.copy_abs())
        return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """A total that was set to its ledger's sum (USD). `total` is its column."""

    campaign_id: uuid.UUID
    campaign: str
    total: str
    amount_before: Decimal
    amount_after: Decimal


def reconcile(engine: Engine, schema: str | None = None) -> Reconciliation:
    """Compares every campaign's totals with its ledger, in one statement and one snapshot.

    Args:
        engine: on the database, as the role that owns the tables.
        schema: the schema of the tables; default: the setting `CAMPAIGNDB_SCHEMA`.

    Raises:
        TableAccessError: the role may not read every row.
    """
    with reading_tables(engine, schema) as connection:
        return reconcile_on(connection)


def reconcile_on(connection: Connection) -> Reconciliation:
    """`reconcile` in the caller's transaction, which must see every row of the tables."""
    count = entries = 0
    found: list[Discrepancy] = []
    rows = connection.execute(_statement(), execution_options={"yield_per": ROWS_FETCHED_AT_ONCE})
    for row in rows.mappings():
        count += row["id"] is not None
        entries += row["entries"] or 0
        found += _compare(row)
    return Reconciliation(campaigns=count, costs=entries, discrepancies=tuple(found))


def repair(
    engine: Engine,
    found: Reconciliation,
    schema: str | None = None,
    *,
    policy: RetryPolicy = COST_POLICY,
) -> Iterator[Repair]:
    """Sets the totals of the campaigns that `found` names to their ledgers' sums.

    Each campaign has its own transaction, which waits for its turn with the writers of its costs
    and compares again: totals that no longer differ stay as they are. Each changed total is
    recorded in `gmaps_cost_repairs`. Repairs are yielded after their commit.

    Costs without a campaign are not repaired, nor is a ledger whose sum is not an amount.

    Raises:
        TableAccessError: the role may not read every row, or may not write.
        StoredFunctionError: a campaign was not repaired; those before it were.
    """
    schema = get_settings().schema_name if schema is None else check_schema_name(schema)
    campaign_ids = dict.fromkeys(
        item.campaign_id for item in found.discrepancies if item.campaign is not None
    )
    for campaign_id in campaign_ids:
        yield from _repair_campaign(engine, campaign_id, schema, policy)


def _repair_campaign(
    engine: Engine, campaign_id: uuid.UUID, schema: str, policy: RetryPolicy
) -> Sequence[Repair]:
    def block(connection: Connection) -> Sequence[Repair]:
        BoundStore(connection, schema).wait_at_cost_gates(campaign_id)
        # The same lock as the writers' own, for those that do not wait at the gate.
        lock = select(campaigns.c.id).where(campaigns.c.id == campaign_id)
        connection.execute(lock.with_for_update(key_share=True))
        row = connection.execute(_statement(campaign_id)).mappings().one_or_none()
        return [] if row is None or row["id"] is None else _write(connection, row)

    return write_tables(
        engine,
        schema,
        block,
        isolation_level="SERIALIZABLE",
        policy=policy,
        name=f"repair of campaign {campaign_id}",
    )


def _write(connection: Connection, row: RowMapping) -> Sequence[Repair]:
    repairs = [
        Repair(
            campaign_id=row["id"],
            campaign=row["name"],
            total=item.what,
            amount_before=item.total,
            amount_after=item.ledger,
        )
        for item in _compare(row)
        if item.what in COST_TOTALS and item.ledger.is_finite()
    ]
    if repairs:
        connection.execute(
            update(campaigns)
            .where(campaigns.c.id == row["id"])
            .values({each.total: each.amount_after for each in repairs})
            .values(updated_at=func.now())
        )
        connection.execute(
            insert(cost_repairs),
            [
                {
                    "campaign_id": each.campaign_id,
                    "total": each.total,
                    "amount_before": each.amount_before,
                    "amount_after": each.amount_after,
                }
                for each in repairs
            ],
        )
    return repairs


def _statement(campaign_id: uuid.UUID | None = None) -> Select[Any]:
    """A query of the totals and ledger sums of all campaigns or of one."""
    cost = api_costs.c.cost_usd
    entries = () if campaign_id is None else (api_costs.c.campaign_id == campaign_id,)
    compared = () if campaign_id is None else (campaigns.c.id == campaign_id,)
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
        .where(*entries)
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
        # A full join: costs of a deleted campaign are a discrepancy too.
        .join_from(campaigns, ledger, ledger.c.campaign_id == campaigns.c.id, full=True)
        .where(*compared)
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
    pairs.append((SUM_OF_THE_SERVICES, totals["actual_cost"], by_service))
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
        return Decimal(0)  # the campaign does not exist
    total: Decimal | None = row[f"total_{column}"]
    return _NOT_A_NUMBER if total is None else total
