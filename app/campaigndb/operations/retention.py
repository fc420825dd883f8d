"""Deletes campaigns and old raw data, in small transactions that block nobody."""

from __future__ import annotations

import datetime
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Select,
    Table,
    and_,
    case,
    cast,
    delete,
    func,
    literal,
    null,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from campaigndb.calling.retries import DEFAULT_POLICY
from campaigndb.calling.store import CampaignStore
from campaigndb.operations.owner_reading import reading_tables, write_tables
from campaigndb.settings import check_schema_name, get_settings
from campaigndb.tables import (
    api_costs,
    businesses,
    campaign_coverage,
    campaigns,
    cost_repairs,
    email_verifications,
    exports,
    facebook_enrichments,
    linkedin_enrichments,
    lookups,
    queue_heads,
)

# Target duration of one piece, in seconds. Others wait this long for its rows.
_PIECE_SECONDS = 0.05
_FIRST_PIECE = 100
_LARGEST_PIECE = 5_000

# Tables of a campaign, without those whose rows are deleted with a business.
_OF_CAMPAIGN = (lookups, exports, cost_repairs, queue_heads, api_costs, campaign_coverage)

T = TypeVar("T")


def delete_campaign(
    engine: Engine,
    campaign_id: uuid.UUID,
    schema: str | None = None,
    *,
    on_progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Deletes a campaign with everything that belongs to it; returns the number of businesses.

    The campaign is completed first, so that claims return nothing more. Its businesses are deleted
    in pieces of a twentieth of a second, each in its own transaction. Rows that others have locked
    are skipped until later. The campaign itself is deleted last. After an interruption, the same
    call continues.

    Raises:
        TableAccessError: the role may not delete.
        StoredFunctionError: the campaign does not exist.
    """
    schema = get_settings().schema_name if schema is None else check_schema_name(schema)
    CampaignStore(engine, schema=schema).update_campaign_status(campaign_id, "completed")
    run = _Run(engine, schema, f"deletion of campaign {campaign_id}")
    deleted = 0
    while True:
        for count in run.pieces_of_businesses(
            campaign_id, businesses.c.campaign_id == campaign_id, None
        ):
            deleted += count
            on_progress(deleted)
        for table in _OF_CAMPAIGN:
            run.delete_rows(table, campaign_id)
        if run.in_transaction(lambda connection: _delete_if_empty(connection, campaign_id)):
            return deleted
        time.sleep(0.05)  # the rest is locked


def _delete_if_empty(connection: Connection, campaign_id: uuid.UUID) -> bool:
    # Read before the lock. This marks the index entries of deleted rows, which the foreign key's
    # check below then skips.
    left = select(businesses.c.id).where(businesses.c.campaign_id == campaign_id).limit(1)
    if connection.execute(left).first() is not None:
        return False
    connection.execute(
        select(campaigns.c.id).where(campaigns.c.id == campaign_id).with_for_update()
    )
    if connection.execute(left).first() is not None:
        return False
    connection.execute(delete(campaigns).where(campaigns.c.id == campaign_id))
    return True


@dataclass(frozen=True, slots=True)
class RawData:
    """Raw data of one table: the number of rows, and their approximate size in bytes."""

    table: str
    rows: int
    size: int


def old_raw_data(engine: Engine, days: int, schema: str | None = None) -> list[RawData]:
    """The raw data of campaigns that were completed at least `days` ago.

    Raises:
        TableAccessError: the role may not read the tables.
    """
    with reading_tables(engine, schema) as connection:
        return [
            RawData(table.name, *connection.execute(_measure(table, column, days)).one())
            for table, column in _RAW_COLUMNS
        ]


def drop_raw_data(
    engine: Engine,
    days: int,
    schema: str | None = None,
    *,
    on_progress: Callable[[int], None] = lambda _: None,
) -> dict[str, int]:
    """Empties the raw data of campaigns that were completed at least `days` ago.

    Returns the number of rows by table. All other columns stay, and an answer keeps its idempotency
    key. Works in pieces, as `delete_campaign` does.

    Raises:
        TableAccessError: the role may not write the tables.
    """
    schema = get_settings().schema_name if schema is None else check_schema_name(schema)
    run = _Run(engine, schema, "cleanup")
    with reading_tables(engine, schema) as connection:
        ids = list(connection.execute(_completed(days)).scalars())
    counts = {table.name: 0 for table, _ in _RAW_COLUMNS}
    for campaign_id in ids:
        for table, column in _RAW_COLUMNS:
            pieces = (
                run.pieces_of_businesses(campaign_id, _is_full(column), column)
                if table is businesses
                else run.pieces_of_children(table, campaign_id, column)
            )
            for count in pieces:
                counts[table.name] += count
                on_progress(sum(counts.values()))
    return counts


_RAW_COLUMNS: tuple[tuple[Table, Column[Any]], ...] = (
    (businesses, businesses.c.raw_data),
    (facebook_enrichments, facebook_enrichments.c.raw_data),
    (linkedin_enrichments, linkedin_enrichments.c.raw_data),
    (email_verifications, email_verifications.c.raw_response),
)


def _completed(days: int) -> Select[Any]:
    since = func.now() - datetime.timedelta(days=days)
    return select(campaigns.c.id).where(
        campaigns.c.status == "completed", campaigns.c.completed_at < since
    )


def _kept(column: Column[Any]) -> Any:
    """What stays of raw data: an answer's idempotency key."""
    if column.table is not email_verifications:
        return null()
    key = column.op("->")("idempotency_key")
    return case((key.is_not(None), func.jsonb_build_object("idempotency_key", key)))


def _is_full(column: Column[Any]) -> Any:
    return and_(column.is_not(None), column.is_distinct_from(_kept(column)))


def _measure(table: Table, column: Column[Any], days: int) -> Select[Any]:
    query = select(func.count(), func.coalesce(func.sum(func.pg_column_size(column)), 0))
    if table is email_verifications:
        query = query.join_from(table, businesses, businesses.c.id == table.c.business_id)
        owner = businesses.c.campaign_id
    else:
        query = query.select_from(table)
        owner = table.c.campaign_id
    return query.where(owner.in_(_completed(days)), _is_full(column))


@dataclass
class _Run:
    """Works in pieces, each in its own transaction."""

    engine: Engine
    schema: str
    name: str
    rows: int = _FIRST_PIECE  # of the next piece

    def in_transaction(self, block: Callable[[Connection], T]) -> T:
        return write_tables(
            self.engine,
            self.schema,
            block,
            isolation_level="READ COMMITTED",
            policy=DEFAULT_POLICY,
            name=self.name,
        )

    def _piece(self, block: Callable[[Connection], T]) -> T:
        """Runs one piece, and sizes the next one by the time that it took."""
        started = time.monotonic()
        result = self.in_transaction(block)
        wanted = int(self.rows * _PIECE_SECONDS / max(time.monotonic() - started, 0.001))
        self.rows = max(1, min(wanted, 2 * self.rows, _LARGEST_PIECE))
        return result

    def pieces_of_businesses(
        self, campaign_id: uuid.UUID, condition: Any, emptied: Column[Any] | None
    ) -> Iterator[int]:
        """Deletes a campaign's businesses, or empties a column; yields the number in each piece."""

        def work(page: Select[Any], connection: Connection) -> Any:
            # Locked rows are skipped, so this cannot deadlock.
            rows = connection.execute(page.where(condition).with_for_update(skip_locked=True)).all()
            _change(connection, businesses, businesses.c.id.in_([row.id for row in rows]), emptied)
            return rows, len(rows)

        return self._pages(campaign_id, work)

    def pieces_of_children(
        self, table: Table, campaign_id: uuid.UUID, emptied: Column[Any]
    ) -> Iterator[int]:
        """Empties a column in a table of the businesses' rows; yields the number in each piece."""

        def work(page: Select[Any], connection: Connection) -> Any:
            rows = connection.execute(page).all()
            held = (
                select(table.c.id)
                .where(table.c.business_id.in_([row.id for row in rows]), _is_full(emptied))
                .with_for_update(skip_locked=True)
            )
            found = list(connection.execute(held).scalars())
            _change(connection, table, table.c.id.in_(found), emptied)
            return rows, len(found)

        return self._pages(campaign_id, work)

    def _pages(
        self, campaign_id: uuid.UUID, work: Callable[[Select[Any], Connection], Any]
    ) -> Iterator[int]:
        """Processes a campaign's businesses page by page, in the order of their index."""
        after: tuple[Any, ...] | None = None
        position = tuple_(businesses.c.created_at, businesses.c.id)
        while True:
            page = (
                select(businesses.c.created_at, businesses.c.id)
                .where(businesses.c.campaign_id == campaign_id)
                .order_by(businesses.c.created_at, businesses.c.id)
                .limit(self.rows)
            )
            if after is not None:
                page = page.where(position > tuple_(*(literal(each) for each in after)))
            rows, count = self._piece(partial(work, page))
            if not rows:
                return
            after = tuple(rows[-1])
            yield count

    def delete_rows(self, table: Table, campaign_id: uuid.UUID) -> None:
        """Deletes a campaign's rows from a table without references to it."""
        key = tuple_(*table.primary_key.columns)

        def work(connection: Connection) -> int:
            held = (
                select(*table.primary_key.columns)
                .where(table.c.campaign_id == campaign_id)
                .limit(self.rows)
                .with_for_update(skip_locked=True)
            )
            rows = [tuple(row) for row in connection.execute(held)]
            if rows:
                connection.execute(delete(table).where(key.in_(rows)))
            return len(rows)

        while self._piece(work):
            pass


def _change(connection: Connection, table: Table, these: Any, emptied: Column[Any] | None) -> None:
    if emptied is None:
        connection.execute(delete(table).where(these))
    else:
        connection.execute(
            update(table).where(these).values({emptied.name: cast(_kept(emptied), JSONB)})
        )
