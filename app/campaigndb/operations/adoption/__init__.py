"""Copies rows from tables of the older design, which have the same names but other rules.

Everything runs in one transaction of the target, which is rolled back unless `keep` is given. Rows
that were taken before are recognised by their ids, so that an adoption can be repeated.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from psycopg.sql import SQL, Identifier, Literal
from sqlalchemy import Connection, Engine, Table, text

from campaigndb.calling.json_codec import dump_json, load_json
from campaigndb.operations.adoption.mapping import KEPT_IN, TABLES, Mapped, map_row
from campaigndb.tables import (
    api_costs,
    businesses,
    campaign_coverage,
    campaigns,
    email_verifications,
    facebook_enrichments,
    linkedin_enrichments,
)
from campaigndb.tables.campaigns import COST_TOTALS, SERVICE_COST_COLUMNS

ROWS_AT_ONCE = 1000
_ADDRESSES = Path(__file__).with_name("addresses.sql")
# The unique columns of tables that may hold several rows for the same thing in the source.
_KEYS = {
    campaign_coverage.name: ("campaign_id", "zip_code"),
    businesses.name: ("place_id",),
    facebook_enrichments.name: ("business_id",),
    linkedin_enrichments.name: ("business_id",),
}
_REBUILD = f"""
    update gmaps_campaigns as campaign
    set (actual_cost, {", ".join(SERVICE_COST_COLUMNS.values())}) = (
      select
        coalesce(sum(cost.cost_usd), 0),
        {
    ", ".join(
        f"coalesce(sum(cost.cost_usd) filter (where cost.service = '{service}'), 0)"
        for service in SERVICE_COST_COLUMNS
    )
}
      from gmaps_api_costs as cost
      where cost.campaign_id = campaign.id
    )
    where campaign.id = cast(:id as uuid)
    returning *
"""  # noqa: S608 - names of our own
_ENRICHMENTS = {facebook_enrichments.name: "facebook", linkedin_enrichments.name: "linkedin"}


class AdoptionError(Exception):
    """Nothing can be adopted; one line that says why."""


@dataclass(frozen=True, slots=True)
class Untaken:
    """A row that was not taken, for example because a newer one was. `reason` shows no values."""

    table: str
    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ChangedTotal:
    """A campaign's total (USD) that differed from its ledger."""

    campaign_id: uuid.UUID
    campaign: str
    column: str
    was: Decimal
    ledger: Decimal


@dataclass
class Adoption:
    """The result of an adoption, by table.

    Attributes:
        read: rows in the source.
        taken: rows that are new in the target.
        there: rows that an earlier adoption has taken.
        changed: (table, column, reason) -> number of values that our column refuses. The column
            gets its default, and the value is kept in the row's raw data if the table has it.
        kept: (table, column) -> number of values without a column, kept in the raw data.
        lost: (table, column) -> number of values that are not kept.
        untaken: rows that were not taken.
        totals: totals that differed from their ledger.
    """

    read: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    there: Counter[str] = field(default_factory=Counter)
    changed: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    kept: Counter[tuple[str, str]] = field(default_factory=Counter)
    lost: Counter[tuple[str, str]] = field(default_factory=Counter)
    untaken: list[Untaken] = field(default_factory=list)
    totals: list[ChangedTotal] = field(default_factory=list)


def adopt(
    source: Engine, source_schema: str, target: Engine, schema: str, *, keep: bool
) -> Adoption:
    """Copies the rows of `source_schema` into `schema`. Without `keep` it is rolled back.

    Connect to the target as the owner of its tables.

    Raises:
        AdoptionError: the source has no table of campaigns.
        SQLAlchemyError: nothing was changed.
    """
    run = _Adopting()
    with source.connect() as reading, target.connect() as writing:
        reading.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with reading.begin(), writing.begin() as transaction:
            for connection, path in ((reading, "pg_catalog"), (writing, schema)):
                connection.execute(
                    text("select set_config('search_path', quote_ident(:path), true)"),
                    {"path": path},
                )
                connection.execute(text("set local timezone to 'UTC'"))
                connection.execute(text("set local row_security to off"))
            present = _tables_of(reading, source_schema)
            if campaigns.name not in present:
                raise AdoptionError(f"the schema {source_schema} has no table {campaigns.name}")
            for table in TABLES:
                if table.name in present:
                    run.take(table, partial(_rows, reading, source_schema, table), writing)
            run.finish(writing)
            if not keep:
                transaction.rollback()
    return run.found


class _Adopting:
    """The state of one adoption: the ids in the target, and which row replaces which."""

    def __init__(self) -> None:
        self.found = Adoption()
        self._ids: dict[str, dict[str, str]] = {table.name: {} for table in TABLES}
        self._old_totals: dict[str, Mapping[str, Any]] = {}
        self._keys: set[tuple[str, str]] = set()
        self._owners: dict[str, str] = {}  # the campaign of each business
        # Addresses of each business, with their sources, from enrichments that newer ones replace.
        self._earlier: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        self._new: dict[str, list[str]] = {table.name: [] for table in TABLES}

    def take(
        self, table: Table, rows: Callable[[], Iterator[Mapping[str, Any]]], writing: Connection
    ) -> None:
        """Copies a table's rows. If several rows compete, a first pass finds the newest one."""
        key = _KEYS.get(table.name)
        newest: dict[tuple[Any, ...], tuple[datetime, str]] = {}
        if key is not None:
            for row in rows():
                mapped = map_row(table, row)
                if self._problem(table, mapped) is None:
                    place = tuple(mapped.values[name] for name in key)
                    newest[place] = max(
                        newest.get(place, (mapped.moment, "")), (mapped.moment, mapped.values["id"])
                    )
        older: list[tuple[str, str]] = []
        batch: list[Mapped] = []
        for row in rows():
            self.found.read[table.name] += 1
            mapped = map_row(table, row)
            problem = self._problem(table, mapped)
            if problem is not None:
                self._leave(table, row, problem)
                continue
            values = mapped.values
            if key is not None:
                winner = newest[tuple(values[name] for name in key)][1]
                if winner != values["id"]:
                    self._leave(table, values, f"{winner} is newer")
                    older.append((values["id"], winner))
                    self._remember_addresses(table, values)
                    continue
            if table is campaigns:
                self._old_totals[values["id"]] = {name: values.get(name) for name in COST_TOTALS}
            elif table is api_costs:
                self._make_key_unique(mapped)
            self._note(table, mapped)
            batch.append(mapped)
            if len(batch) == ROWS_AT_ONCE:
                self._write(table, batch, writing)
                batch = []
        self._write(table, batch, writing)
        # Children of an older row now belong to the row that replaces it.
        ids = self._ids[table.name]
        ids.update({old: ids[winner] for old, winner in older if winner in ids})

    def _problem(self, table: Table, mapped: Mapped) -> str | None:
        """Why the row cannot be taken; None if it can. Sets its references to the target's rows."""
        if mapped.problem is not None:
            return mapped.problem
        values = mapped.values
        if table in (facebook_enrichments, linkedin_enrichments, email_verifications):
            business = self._ids[businesses.name].get(values["business_id"])
            if business is None:
                return "its business was not taken"
            values["business_id"] = business
            if table is not email_verifications:
                values["campaign_id"] = self._owners[business]
            for name, kind in _ENRICHMENTS.items():
                if values.get(f"{kind}_enrichment_id") is not None:
                    enrichment = self._ids[name].get(values[f"{kind}_enrichment_id"])
                    values[f"{kind}_enrichment_id"] = enrichment
        elif table is not campaigns and values["campaign_id"] not in self._ids[campaigns.name]:
            return "its campaign was not taken"
        return None

    def _make_key_unique(self, mapped: Mapped) -> None:
        document = mapped.values.get("metadata")
        if not isinstance(document, dict) or document.get("idempotency_key") is None:
            return
        key = (mapped.values["campaign_id"], str(document["idempotency_key"]))
        if key in self._keys:
            # Both costs may be real, so the entry stays, but without its key.
            document["repeated_idempotency_key"] = document.pop("idempotency_key")
            mapped.changed["metadata.idempotency_key"] = "is another entry's"
        self._keys.add(key)

    def _remember_addresses(self, table: Table, values: Mapping[str, Any]) -> None:
        """Remembers the addresses of an enrichment that a newer one replaces."""
        kind = _ENRICHMENTS.get(table.name)
        if kind is None:
            return
        columns = {"primary_email": kind, "emails": kind, "emails_found": kind}
        for column, source in (columns | {"emails_generated": "generated"}).items():
            held = values.get(column) or []
            for email in [held] if isinstance(held, str) else held:
                self._earlier[values["business_id"]].append((email, source))

    def _write(self, table: Table, batch: Sequence[Mapped], writing: Connection) -> None:
        columns = sorted({name for mapped in batch for name in mapped.values})
        inserted: set[str] = set()
        # Rows with the same columns are inserted together.
        by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for mapped in batch:
            given = tuple(name for name in columns if name in mapped.values)
            by_columns.setdefault(given, []).append(mapped.values)
        for given, rows in by_columns.items():
            listed = SQL(", ").join(map(Identifier, given)).as_string()
            statement = (
                f"insert into {table.name} ({listed}) select {listed} from"  # noqa: S608
                f" jsonb_populate_recordset(null::{table.name}, cast(:rows as jsonb))"
                " on conflict do nothing returning id::text"
            )
            inserted |= set(
                writing.execute(text(statement), {"rows": dump_json(rows, table.name)}).scalars()
            )
        missing = [m.values["id"] for m in batch if m.values["id"] not in inserted]
        there = set(
            writing.execute(
                text(f"select id::text from {table.name} where id = any (cast(:ids as uuid[]))"),  # noqa: S608
                {"ids": missing},
            ).scalars()
        )
        for mapped in batch:
            id_ = mapped.values["id"]
            if id_ in inserted or id_ in there:
                self._ids[table.name][id_] = id_
                if table is businesses:
                    self._owners[id_] = mapped.values["campaign_id"]
            if id_ in inserted:
                self.found.taken[table.name] += 1
                self._new[table.name].append(id_)
            elif id_ in there:
                self.found.there[table.name] += 1
            else:
                self._leave(table, mapped.values, "another row has its place here already")

    def finish(self, writing: Connection) -> None:
        """Updates addresses, counters and totals of what is new."""
        of_business = dict.fromkeys(
            (email_verifications, facebook_enrichments, linkedin_enrichments), "business_id"
        )
        pages = iter(self._owners_of_new(writing, {businesses: "id", **of_business}))
        template = _ADDRESSES.read_text(encoding="utf-8")
        while page := list(islice(pages, ROWS_AT_ONCE)):
            earlier = [
                (business, email, source)
                for business in page
                for email, source in self._earlier.get(business, ())
            ]
            owners, emails, sources = zip(*earlier, strict=True) if earlier else ((), (), ())
            script = SQL(template).format(
                business_ids=Literal(page),
                earlier_owners=Literal([*owners]),
                earlier_emails=Literal([*emails]),
                earlier_sources=Literal([*sources]),
            )
            driver: Any = writing.connection.driver_connection
            driver.execute(script)
        of_campaign = {campaigns: "id", api_costs: "campaign_id", businesses: "campaign_id"}
        for campaign in self._owners_of_new(writing, of_campaign):
            counted = writing.execute(
                text("select update_campaign_statistics(cast(:id as uuid))"), {"id": campaign}
            ).scalar_one()
            if not counted["success"]:
                raise AdoptionError(f"campaign {campaign}: {counted['error_detail']}")
            self._rebuild_totals(campaign, writing)

    def _owners_of_new(self, writing: Connection, columns: Mapping[Table, str]) -> list[str]:
        """The ids in these columns of the new rows."""
        new = {table.name: self._new[table.name] for table in columns}
        if not any(new.values()):
            return []
        query = " union ".join(
            f"select {column}::text from {table.name}"  # noqa: S608 - names of our own
            f" where id = any (cast(:{table.name} as uuid[]))"
            for table, column in columns.items()
        )
        return list(writing.execute(text(f"{query} order by 1"), new).scalars())

    def _rebuild_totals(self, campaign: str, writing: Connection) -> None:
        row = writing.execute(text(_REBUILD), {"id": campaign}).one()
        # The totals of a campaign that was here before are already those of its ledger.
        for column, was in (
            self._old_totals[campaign].items() if campaign in self._new[campaigns.name] else ()
        ):
            ledger = getattr(row, column)
            if was is not None and was != ledger:
                self.found.totals.append(ChangedTotal(row.id, row.name, column, was, ledger))

    def _note(self, table: Table, mapped: Mapped) -> None:
        for column, why in mapped.changed.items():
            self.found.changed[table.name, column, why] += 1
        for column in mapped.kept.keys() - mapped.changed.keys():
            (self.found.kept if table.name in KEPT_IN else self.found.lost)[table.name, column] += 1

    def _leave(self, table: Table, row: Mapping[str, Any], reason: str) -> None:
        self.found.untaken.append(Untaken(table.name, str(row.get("id"))[:36], reason))


def _tables_of(reading: Connection, schema: str) -> set[str]:
    found = reading.execute(
        text(
            "select c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
            " where n.nspname = :schema and c.relkind in ('r', 'p')"
        ),
        {"schema": schema},
    )
    return set(found.scalars())


def _rows(reading: Connection, schema: str, table: Table) -> Iterator[Mapping[str, Any]]:
    name = SQL("{}.{}").format(Identifier(schema), Identifier(table.name)).as_string()
    query = f"select cast(to_jsonb(entry) as text) from {name} as entry"  # noqa: S608 - quoted
    statement = text(query.replace(":", r"\:"))
    options = {"stream_results": True, "yield_per": ROWS_AT_ONCE}
    for (row,) in reading.execute(statement, execution_options=options):
        yield load_json(row)
