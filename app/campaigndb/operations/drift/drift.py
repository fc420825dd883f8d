"""Compares the catalogs of a live database with those of a shadow database."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from campaigndb.database import on_begin, single_use_engine
from campaigndb.migrations.configuration import alembic_config
from campaigndb.migrations.privileges import RESET_ON_A_CLUSTER
from campaigndb.migrations.version_table import FORMER_TABLE, VERSION_TABLE, find_version_table
from campaigndb.operations.drift.comparison import Difference, compare
from campaigndb.operations.drift.ignoring import Pattern, without_ignored
from campaigndb.operations.drift.roles import Surroundings, read_surroundings
from campaigndb.operations.drift.shadow import Tell, Wanted, leave_no_trace, shadow_database
from campaigndb.operations.drift.snapshot import (
    PUBLIC,
    CatalogObject,
    Snapshot,
    quoted,
    read_snapshot,
)
from campaigndb.operations.tenants import citus
from campaigndb.settings import Settings, get_settings
from campaigndb.tables import metadata

# Longest wait for a lock, in seconds. Reading takes no lock that a worker waits for, and does not
# wait for a migration.
LOCK_TIMEOUT_SECONDS = 2.0
STATEMENT_TIMEOUT_SECONDS = 30.0
LOCK_NOT_AVAILABLE = "55P03"
_SETTINGS = {"jit": "off", "quote_all_identifiers": "off", "datestyle": "ISO", "timezone": "UTC"}
# Roles of a platform that migrations know by name.
PLATFORM_ROLES = ("anon", "authenticated", "service_role")
# The setting that functions lose on a Citus cluster, in the catalog and in their definition.
_SETTING_OF_ONE_SERVER = "=".join(RESET_ON_A_CLUSTER)
_LINE_OF_ONE_SERVER = " SET {} TO '{}'\n".format(*RESET_ON_A_CLUSTER)


class DriftUnknownError(Exception):
    """The comparison is not possible; one line that says why and what to do."""


@dataclass(frozen=True)
class DriftReport:
    """The result of a comparison.

    Attributes:
        schema: the schema that was compared.
        revision: the revision of the shadow database.
        differences: in an order in which their statements work; empty if there is no drift.
        ignored: differences that match a pattern.
        unused: patterns that no longer match.
    """

    schema: str
    revision: str
    differences: Sequence[Difference]
    ignored: Sequence[Difference] = ()
    unused: Sequence[Pattern] = ()


@dataclass(frozen=True)
class _Live:
    snapshot: Snapshot
    surroundings: Surroundings
    revisions: Sequence[str]
    major_version: int
    database: str
    roles: Sequence[str]
    may_create: bool
    is_cluster: bool


def find_drift(
    url: URL,
    settings: Settings | None = None,
    *,
    ignore: Sequence[Pattern] = (),
    shadow_server: URL | None = None,
    keep_shadow: bool = False,
    column_order: bool = False,
    tell: Tell = lambda _: None,
) -> DriftReport:
    """Compares a database with the result of the migrations on an empty one; it only reads.

    Args:
        url: the database, as a role that may read the table `gmaps_alembic_version`.
        settings: the schema and the roles; default: this process's settings.
        ignore: patterns of differences to ignore.
        shadow_server: where the shadow is created; default: see `shadow_database`.
        keep_shadow: keep the shadow for the next run.
        column_order: report columns in a different order.
        tell: receives a line about each slow step.

    Raises:
        DriftUnknownError: the revision cannot be read, or this is a worker of a Citus cluster.
        ShadowError: there is nothing to compare with.
        SQLAlchemyError: the database or the shadow cannot be reached or read.
    """
    settings = settings or get_settings()
    scripts = ScriptDirectory.from_config(alembic_config(settings=settings))
    head = scripts.get_current_head() or "base"
    with _reading(url, settings) as connection:
        live = _read_live(connection, settings)
    if not live.revisions and not _has_tables(live.snapshot):
        # A line for each object would hide what to do.
        found = "none, as the schema is not there"
        statements = ["campaigndb db migrate (or alembic upgrade head)"]
        differences = [_revision_difference(settings.schema_name, head, found, statements)]
        left, ignored = without_ignored(differences, ignore)
        return DriftReport(settings.schema_name, head, left, ignored)
    known = {script.revision for script in scripts.walk_revisions()}
    is_known = len(live.revisions) == 1 and live.revisions[0] in known
    revision = live.revisions[0] if is_known else head

    app_role = settings.app_role if settings.app_role in live.roles else None
    wanted = Wanted(revision, live.major_version, live.roles, replace(settings, app_role=app_role))
    with (
        shadow_database(
            wanted,
            url,
            server=shadow_server,
            may_create=live.may_create,
            keep=keep_shadow,
            tell=tell,
        ) as shadow_url,
        _reading(shadow_url, settings) as connection,
    ):
        shadow = read_snapshot(connection, settings.schema_name, live.database)
    if live.is_cluster:
        shadow = _as_on_a_cluster(shadow)

    differences = compare(
        {**shadow.objects, **live.surroundings.expected},
        {**live.snapshot.objects, **live.surroundings.found},
        owner=live.snapshot.owner,
        grantees=[PUBLIC, *map(quoted, live.roles)],
        column_order=column_order,
    )
    differences += _revision_differences(
        live.revisions, head, is_known, settings.schema_name, differences
    )
    left, ignored = without_ignored(differences, ignore)
    unused = [pattern for pattern in ignore if not any(map(pattern.matches, ignored))]
    return DriftReport(settings.schema_name, revision, left, ignored, unused)


@contextmanager
def _reading(url: URL, settings: Settings) -> Iterator[Connection]:
    options = {"fallback_application_name": "campaigndb drift", "prepare_threshold": None}
    engine = single_use_engine(url, connect_args=options)
    # Settings for one transaction only, so that none stays on a transaction pooler's connection.
    on_begin(
        engine,
        search_path=settings.schema_name,
        lock_timeout=LOCK_TIMEOUT_SECONDS,
        statement_timeout=STATEMENT_TIMEOUT_SECONDS,
    )
    with engine.connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        # Settings of the server or the role must not change how the catalogs are displayed. JIT is
        # off because compiling a query with many parts takes longer than running it once.
        leave_no_trace(connection, is_local=True)
        for name, value in _SETTINGS.items():
            connection.execute(
                text("select set_config(:name, :value, true)"), {"name": name, "value": value}
            )
        try:
            yield connection
        except (DBAPIError, psycopg.Error) as error:
            if getattr(getattr(error, "orig", error), "sqlstate", None) != LOCK_NOT_AVAILABLE:
                raise
            raise DriftUnknownError(
                "a table of the schema is locked, probably by a migration at work: "
                "run it again when that has ended"
            ) from error


def _read_live(connection: Connection, settings: Settings) -> _Live:
    schema = settings.schema_name
    is_cluster = citus.is_installed(connection)
    if is_cluster:
        _refuse_worker(connection)
    server = connection.execute(
        text("""
            select
              current_setting('server_version_num')::int / 10000 as major_version,
              current_database()::text as database,
              r.rolcreatedb or r.rolsuper as may_create,
              array(
                select other.rolname::text from pg_roles as other
                where other.rolname = any (cast(:roles as text[]))
              ) as roles
            from pg_roles as r
            where r.rolname = current_user
        """),
        {"roles": [role for role in (settings.app_role, *PLATFORM_ROLES) if role]},
    ).one()
    version_table = find_version_table(connection, schema)
    snapshot = read_snapshot(connection, schema, server.database, settings.owner_role)
    if version_table == FORMER_TABLE:
        snapshot = _with_renamed_version_table(snapshot)
    return _Live(
        snapshot=snapshot,
        surroundings=read_surroundings(connection, settings.app_role, settings.owner_role),
        revisions=_read_revisions(connection, schema, version_table),
        major_version=server.major_version,
        database=server.database,
        roles=server.roles,
        may_create=server.may_create,
        is_cluster=is_cluster,
    )


def refuse_worker(url: URL, settings: Settings) -> None:
    """Checks that the database is no worker of a Citus cluster, before all schemas are compared.

    Raises:
        DriftUnknownError: it is one.
        SQLAlchemyError: the database cannot be reached or read.
    """
    with _reading(url, settings) as connection:
        if citus.is_installed(connection):
            _refuse_worker(connection)


def _refuse_worker(connection: Connection) -> None:
    if (coordinator := citus.coordinator_elsewhere(connection)) is not None:
        raise DriftUnknownError(
            "DATABASE_URL leads to a worker of a Citus cluster, which has only copies of the"
            f" objects: ask the coordinator ({coordinator})"
        )


def _read_revisions(connection: Connection, schema: str, name: str | None) -> list[str]:
    if name is None:
        return []
    table = f"{quoted(schema)}.{name}"
    found = connection.execute(
        text("""
            select
              has_schema_privilege(c.relnamespace, 'usage') as may_use,
              has_table_privilege(c.oid, 'select') as may_read,
              row_security_active(c.oid)
                and not exists (select from pg_policy as p where p.polrelid = c.oid) as is_hidden
            from pg_class as c
            join pg_namespace as n on n.oid = c.relnamespace
            where n.nspname = :schema and c.relname = :name
        """),
        {"schema": schema, "name": name},
    ).one()
    role = connection.execute(text("select current_user")).scalar_one()
    if not found.may_use:
        raise DriftUnknownError(
            f"{role} may not use the schema: grant usage on schema {quoted(schema)} to {role}"
        )
    if not found.may_read:
        raise DriftUnknownError(
            f"{role} may not read the revision: grant select on {table} to {role}"
        )
    if found.is_hidden:
        raise DriftUnknownError(
            f"row security hides the revision from {role}: run alembic upgrade once, which gives "
            f"{table} its policy, or connect as its owner"
        )
    return list(
        connection.execute(text(f"select version_num from {table} order by 1")).scalars()  # noqa: S608
    )


def _with_renamed_version_table(snapshot: Snapshot) -> Snapshot:
    """Renames an earlier release's version table in the snapshot, as the next upgrade does."""

    def renamed(value: Any) -> Any:
        pattern = rf"\b{FORMER_TABLE}(?=\b|_pkc\b)"
        return re.sub(pattern, VERSION_TABLE, value) if isinstance(value, str) else value

    objects = [
        replace(
            item,
            name=renamed(item.name),
            parent=renamed(item.parent),
            reference=renamed(item.reference),
            properties={name: renamed(value) for name, value in item.properties.items()},
        )
        if FORMER_TABLE in f"{item.name} {item.parent}"
        else item
        for item in snapshot.objects.values()
    ]
    return Snapshot({item.key: item for item in objects}, snapshot.owner)


def _as_on_a_cluster(snapshot: Snapshot) -> Snapshot:
    """The snapshot of one server as the migrations would have left it on a Citus cluster."""

    def changed(item: CatalogObject) -> CatalogObject:
        settings = item.properties.get("settings") or []
        if item.kind != "function" or _SETTING_OF_ONE_SERVER not in settings:
            return item
        left = [setting for setting in settings if setting != _SETTING_OF_ONE_SERVER]
        return replace(
            item,
            properties={**item.properties, "settings": left or None},
            creation=(item.creation or "").replace(_LINE_OF_ONE_SERVER, ""),
        )

    objects = {key: changed(item) for key, item in snapshot.objects.items()}
    return Snapshot(objects, snapshot.owner)


def _has_tables(snapshot: Snapshot) -> bool:
    return any(
        item.kind == "table" and item.name in metadata.tables for item in snapshot.objects.values()
    )


def _revision_difference(
    schema: str, head: str, found: object, statements: Sequence[str]
) -> Difference:
    return Difference(
        kind="revision",
        name=f"of schema {quoted(schema)}",
        problem="changed",
        attribute="number",
        expected=head,
        found=found,
        statements=statements,
    )


def _revision_differences(
    revisions: Sequence[str],
    head: str,
    is_known: bool,
    schema: str,
    others: Sequence[Difference],
) -> Iterator[Difference]:
    if list(revisions) == [head]:
        return
    found: object = list(revisions)
    statements: list[str] = []
    if is_known:
        statements = ["alembic upgrade head"]
    elif not revisions:
        table_is_missing = [item for item in others if item.where == f"table {VERSION_TABLE}"]
        found = "none, but the tables are there: name their revision by alembic stamp"
        # With another revision the tables would differ.
        if len(others) == len(table_is_missing):
            statements = ["alembic stamp head"]
        if statements and table_is_missing:
            # It gives the new table its grants and its policy.
            statements.append("alembic upgrade head")
    yield _revision_difference(schema, head, found, statements)
