"""The benchmarks' own database: migrated to head, dropped afterwards."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Engine, Table, create_engine, delete
from sqlalchemy.engine import URL

from benchmarks.scraped_records import scraped_records
from campaigndb import CampaignStore
from campaigndb.database import on_connect
from campaigndb.embedded_server import temporary_server
from campaigndb.migrations.commands import upgrade
from campaigndb.settings import Settings
from campaigndb.tables import businesses, metadata
from examples.application_logic import ApplicationLogic

# A throw-away server skips what makes a commit safe; figures of that would flatter everyone.
DURABLE = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
}
_FILLING_BATCH = 10_000
# More businesses than these are copies of them.
_SCRAPED_AT_MOST = 100_000


@dataclass(frozen=True)
class Address:
    """Where the database is; clients in other processes get a copy."""

    url: URL = field(repr=False)
    app_role: str
    schema: str

    def app_engine(self, **options: Any) -> Engine:
        """An engine whose connections may execute the functions and touch no table."""
        engine = create_engine(self.url, **options)
        on_connect(engine, search_path=self.schema, role=self.app_role)
        return engine

    def owner_engine(self, **options: Any) -> Engine:
        """An engine for what works on the tables themselves."""
        engine = create_engine(self.url, **options)
        on_connect(engine, search_path=self.schema)
        return engine

    def app_connection(self) -> psycopg.Connection[Any]:
        connection = self.owner_connection()
        connection.execute(sql.SQL("set role {}").format(sql.Identifier(self.app_role)))
        connection.commit()
        return connection

    def owner_connection(self, *, autocommit: bool = False) -> psycopg.Connection[Any]:
        plain = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        connection = psycopg.connect(plain, autocommit=autocommit)
        connection.execute(
            sql.SQL("set search_path to {}, pg_temp").format(sql.Identifier(self.schema))
        )
        if not autocommit:
            connection.commit()
        return connection


class BenchDatabase:
    """The database, with connections for both sides and campaigns to work on."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.app_engine = address.app_engine()
        self.owner_engine = address.owner_engine()
        self.store = CampaignStore(self.app_engine, schema=address.schema)
        # What callers did before, on the tables.
        self.application = ApplicationLogic(self.owner_engine, schema=address.schema)
        # For the functions, through the driver alone.
        self.app = address.app_connection()
        # For what works on the tables.
        self.owner = address.owner_connection()
        self._maintenance = address.owner_connection(autocommit=True)
        self._filled: dict[int, uuid.UUID] = {}

    def close(self) -> None:
        for connection in (self.app, self.owner, self._maintenance):
            connection.close()
        self.app_engine.dispose()
        self.owner_engine.dispose()

    def reconnect(self) -> None:
        """Connections that did nothing yet.

        The plans that a connection keeps, and how much of its memory it gives back after a call,
        depend on what its first calls were like.
        """
        self.app.close()
        self.owner.close()
        self.app = self.address.app_connection()
        self.owner = self.address.owner_connection()
        self.app_engine.dispose()
        self.owner_engine.dispose()

    def new_campaign(self, zip_codes: list[str] | None = None) -> uuid.UUID:
        return self.store.create_campaign_with_coverage(
            {"name": "Benchmark"}, zip_codes
        ).campaign_id

    def new_campaigns(self, number: int) -> list[uuid.UUID]:
        """So many at once, for benchmarks that spread their calls."""
        rows = self._maintenance.execute(
            "insert into gmaps_campaigns (name) select 'Benchmark' from generate_series(1, %s) "
            "returning id",
            [number],
        )
        return [campaign_id for (campaign_id,) in rows]

    def campaign_with_businesses(self, n: int) -> uuid.UUID:
        """The same campaign each time that it is asked for; filled at the first."""
        if n not in self._filled:
            campaign_id = self.new_campaign()
            scraped = min(n, _SCRAPED_AT_MOST)
            for start in range(0, scraped, _FILLING_BATCH):
                records = scraped_records(min(_FILLING_BATCH, scraped - start))
                self.store.insert_businesses_batch(campaign_id, "00100", records)
            self._multiply(campaign_id, scraped, n)
            # All of them wait for both lookups, as a queue of that length is what is measured.
            self._maintenance.execute(
                "update gmaps_businesses set needs_enrichment = true, enrichment_status = 'pending'"
                " where campaign_id = %s and not needs_enrichment",
                [campaign_id],
            )
            self._filled[n] = campaign_id
            self.vacuum()
        return self._filled[n]

    def _multiply(self, campaign_id: uuid.UUID, scraped: int, n: int) -> None:
        """Adds copies of the campaign's businesses, each an hour younger, until there are n."""
        if n == scraped:
            return
        own = ("id", "place_id", "created_at")
        copied = [
            column.name
            for column in businesses.columns
            if column.name not in own and column.computed is None
        ]
        columns = sql.SQL(", ").join(map(sql.Identifier, copied))
        with self._maintenance.transaction():
            # Triggers of foreign keys would check what is copied from checked rows; who may not
            # leave them out waits for them.
            self._maintenance.execute(
                "select set_config('session_replication_role', 'replica', true) "
                "where current_setting('is_superuser') = 'on'"
            )
            self._maintenance.execute(
                sql.SQL(
                    """
                    insert into gmaps_businesses (id, place_id, created_at, {columns})
                    select
                      gen_random_uuid(), place_id || '-' || copy,
                      created_at + copy * interval '1 hour', {columns}
                    from generate_series(1, %s) as copy
                    cross join gmaps_businesses
                    where campaign_id = %s
                    limit %s
                    """
                ).format(columns=columns),
                [-(-n // scraped), campaign_id, n - scraped],
            )

    def delete_businesses(self, campaign_id: uuid.UUID) -> None:
        with self.owner_engine.begin() as connection:
            connection.execute(delete(businesses).where(businesses.c.campaign_id == campaign_id))

    def vacuum(self, *names: str) -> None:
        """As autovacuum leaves these tables, or all: space to use again, statistics."""
        tables = sql.SQL(", ").join(map(sql.Identifier, names or metadata.tables))
        self._maintenance.execute(sql.SQL("vacuum (analyze) {}").format(tables))

    def hot_updates(self, table: Table) -> Callable[[], float | None]:
        """Begins counting a table's updates; then the share of them that was HOT since then.

        HOT: the new version of the row lies beside the old one and no index was touched.
        """

        def counted() -> tuple[int, int]:
            # What a session did is counted when it ends, at the latest.
            for engine in (self.app_engine, self.owner_engine):
                engine.dispose()
            ((updates, hot),) = self.query(
                "select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables "
                "where relid = %(table)s::regclass",
                {"table": table.name},
            )
            return updates, hot

        updates_before, hot_before = counted()

        def share() -> float | None:
            updates, hot = counted()
            made = updates - updates_before
            return (hot - hot_before) / made if made else None

        return share

    def vacuum_catalogs(self) -> None:
        """As autovacuum does after a while: what was changed leaves space, not a growing file."""
        for (name,) in self._maintenance.execute(
            "select relname from pg_class"
            " where relnamespace = 'pg_catalog'::regnamespace and relkind = 'r'"
        ).fetchall():
            self._maintenance.execute(
                sql.SQL("vacuum (analyze) {}").format(sql.Identifier("pg_catalog", name))
            )

    def fill_ledger(self, campaign_id: uuid.UUID, entries: int) -> None:
        """A tenth of the entries on this campaign, the others on 99 more; no totals."""
        self._maintenance.execute(
            "create temporary table filled as select %s::uuid as id, 0 as number", [campaign_id]
        )
        with self._maintenance.cursor() as cursor:
            cursor.executemany(
                "insert into filled values (%s, %s)",
                [(self.new_campaign(), number) for number in range(1, 100)],
            )
        self._maintenance.execute(
            """
            insert into gmaps_api_costs (
              id, campaign_id, service, items_processed, cost_usd, metadata, running_total
            )
            select
              ('00000000-0000-7000-8000-' || lpad(to_hex(entry), 12, '0'))::uuid,
              filled.id, 'facebook', 1, 0.0025,
              jsonb_build_object('idempotency_key', lpad(entry::text, 36, '0')), 0
            from generate_series(1, %s) as entry
            join filled on filled.number = case when entry %% 10 = 0 then 0 else entry %% 100 end
            """,
            [entries],
        )
        self._maintenance.execute("drop table filled")
        self.vacuum()

    def query(self, statement: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self._maintenance.execute(statement.encode(), parameters).fetchall()


@contextmanager
def bench_database(
    server_url: URL | None,
    server_settings: Mapping[str, str] | None = None,
    schema: str = "public",
) -> Iterator[BenchDatabase]:
    """A new database on the server, or without one on a server of its own.

    Args:
        server_url: any database of the server, as a role that may create databases and roles.
        server_settings: PostgreSQL's, for the server of its own.
        schema: where everything is.
    """
    if server_url is not None:
        with _database_on(server_url, schema) as database:
            yield database
        return
    with (
        temporary_server(server_settings=DURABLE | dict(server_settings or {})) as server,
        _database_on(server.url, schema) as database,
    ):
        yield database


@contextmanager
def database_beside(database: BenchDatabase) -> Iterator[BenchDatabase]:
    """Another one on the same server, as new."""
    with _database_on(database.address.url, database.address.schema) as beside:
        yield beside


@contextmanager
def _database_on(server_url: URL, schema: str) -> Iterator[BenchDatabase]:
    name = f"campaigndb_bench_{secrets.token_hex(4)}"
    identifier = sql.Identifier(name)
    plain = server_url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        try:
            connection.execute(sql.SQL("create database {}").format(identifier))
            connection.execute(sql.SQL("create role {} nologin").format(identifier))
            # For those who are no superuser.
            connection.execute(sql.SQL("grant {} to current_user").format(identifier))
            url = server_url.set(drivername="postgresql+psycopg", database=name)
            settings = Settings(
                _env_file=None,
                database_url=None,
                schema_name=schema,
                owner_role=None,
                app_role=name,
            )
            upgrade(url, settings=settings)
            database = BenchDatabase(Address(url, name, settings.schema_name))
            try:
                yield database
            finally:
                database.close()
        finally:
            # Where the server itself is gone, that is not what to report.
            with suppress(psycopg.OperationalError):
                # By force: clients that were interrupted may still be connected.
                connection.execute(
                    sql.SQL("drop database if exists {} with (force)").format(identifier)
                )
                connection.execute(sql.SQL("drop role if exists {}").format(identifier))
