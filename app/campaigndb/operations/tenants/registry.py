"""Finds the tenants in the catalogs. There is no other list of them.

A schema is a tenant if it has at least two of: a version table, this project's tables, this
project's functions. Its name must start with `CAMPAIGNDB_TENANT_PREFIX`, and it must not be
`CAMPAIGNDB_SCHEMA`. Two are enough, so that a tenant that lost one of them is still found. A schema
that was migrated down to nothing is no longer a tenant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from campaigndb.database import on_begin, on_connect, quote_identifier, single_use_engine
from campaigndb.migrations.pooler import leads_to_transaction_pooler
from campaigndb.migrations.version_table import FORMER_TABLE, VERSION_TABLE
from campaigndb.operations.tenants import citus
from campaigndb.operations.tenants.errors import TenantError
from campaigndb.operations.tenants.names import tenant_name, tenant_schema
from campaigndb.settings import Settings
from campaigndb.tables import metadata
from campaigndb.tables.cost_gates import cost_gates

# The application roles are those that may create a campaign. Every revision has this function.
_TENANTS = text("""
    select n.nspname as schema, found.version_table,
      array(
        select distinct pg_get_userbyid(granted.grantee)::text
        from pg_proc as p
        cross join aclexplode(p.proacl) as granted
        where p.pronamespace = n.oid and p.proname = 'create_campaign_with_coverage'
          and granted.grantee not in (0, p.proowner)
          and pg_get_userbyid(granted.grantee) not in ('anon', 'authenticated', 'service_role')
        order by 1
      ) as granted_roles
    from pg_namespace as n
    join (
      -- Of a tenant that an earlier release migrated the version table has its former name. Of the
      -- two the greater one is this project's.
      select part.namespace, max(part.name) filter (where part.kind = 'versions') as version_table
      from (
        select relnamespace as namespace, relname as name,
          case when relname like '%alembic_version' then 'versions' else 'tables' end as kind
        from pg_class
        where relkind in ('r', 'p')
          and relname = any (cast(:tables as text[]))
        union all
        select pronamespace, proname, 'functions'
        from pg_proc
        where proname = 'create_campaign_with_coverage'
      ) as part
      where cast(:schema as text) is null
        or part.namespace = to_regnamespace(quote_ident(:schema))
      group by part.namespace
      having count(distinct part.kind) >= 2
    ) as found on found.namespace = n.oid
    order by n.nspname
""")
# Without the gates, whose many names would not find more tenants.
_TABLES = [
    FORMER_TABLE,
    VERSION_TABLE,
    *sorted(set(metadata.tables) - {gate.name for gate in cost_gates}),
]
# Number of tenants in one query. A thousand round trips would take most of the time.
_READ_AT_ONCE = 200
# Longest wait for the lock of a tenant's table, so that the other tenants do not wait.
_LOCK_TIMEOUT_SECONDS = 2.0
_NO_VERSION_TABLE = f"it has no table {VERSION_TABLE}"
# SQLSTATEs if a tenant was dropped meanwhile: undefined table, undefined schema.
_GONE = ("42P01", "3F000")


@dataclass(frozen=True)
class Tenant:
    """A tenant, as found in the catalogs.

    Attributes:
        name: the tenant's name, without the prefix.
        schema: the schema's name, not quoted.
        revision: the schema's revision; several are separated by commas. Empty for no revision or
            if it was not asked for; None if it cannot be read.
        granted_roles: the roles that may execute its functions, usually one.
        size: the size of its tables and indexes in bytes; None if it was not asked for.
        node: its node in a Citus cluster, as `host:port`; None without a cluster.
        problem: why its revision cannot be read, in one line; None if it can.
    """

    name: str
    schema: str
    revision: str | None
    granted_roles: tuple[str, ...] = ()
    size: int | None = None
    node: str | None = None
    problem: str | None = None


def shown_revision(revision: str | None) -> str:
    """Formats a revision for people and logs."""
    return "an unknown revision" if revision is None else revision or "base"


@contextmanager
def owner_connection(url: URL, settings: Settings) -> Iterator[Connection]:
    """A connection whose transactions run as the role that owns what migrations create.

    It may be a transaction pooler's, because the settings end with each transaction.
    """
    with _connection(url, settings, settings.owner_role) as connection:
        yield connection


@contextmanager
def reader_connection(url: URL, settings: Settings) -> Iterator[Connection]:
    """A connection as the role that connects, which may be a role that only reads."""
    with _connection(url, settings, None) as connection:
        yield connection


@contextmanager
def owner_session(url: URL, settings: Settings) -> Iterator[Connection]:
    """A connection as the owner in autocommit mode, which waits for locks without a limit.

    Raises:
        TenantError: the address leads to a transaction pooler, which has no sessions.
    """
    if leads_to_transaction_pooler(url):
        raise TenantError(
            f"DATABASE_URL ({url.host}:{url.port}) leads to a transaction pooler, and this needs a"
            " session of its own: give it the server's own address, or a session pooler's; nothing"
            " was changed"
        )
    engine = _engine(url, isolation_level="AUTOCOMMIT")
    on_connect(engine, search_path=settings.schema_name, role=settings.owner_role, lock_timeout=0)
    with engine.connect() as connection:
        yield connection


@contextmanager
def _connection(url: URL, settings: Settings, role: str | None) -> Iterator[Connection]:
    engine = _engine(url)
    on_begin(
        engine,
        search_path=settings.schema_name,
        role=role,
        lock_timeout=_LOCK_TIMEOUT_SECONDS,
    )
    with engine.connect() as connection:
        yield connection


def _engine(url: URL, **options: Any) -> Engine:
    arguments = {"fallback_application_name": "campaigndb tenant", "prepare_threshold": None}
    return single_use_engine(url, connect_args=arguments, **options)


def list_tenants(
    connection: Connection,
    settings: Settings,
    *,
    with_revisions: bool = True,
    with_sizes: bool = False,
) -> list[Tenant]:
    """All tenants of the database, in the order of their schemas' names.

    Reading their revisions needs the privilege to read each version table.
    """
    tenants = _tenants(connection, settings, with_revisions=with_revisions)
    return _with_sizes(connection, tenants) if with_sizes else tenants


def find_tenant(
    connection: Connection, name: str, settings: Settings, *, with_revisions: bool = True
) -> Tenant | None:
    """The tenant of this name, or None.

    Raises:
        TenantNameError: the name is invalid.
    """
    schema = tenant_schema(name, settings)
    found = _tenants(connection, settings, schema, with_revisions=with_revisions)
    return found[0] if found else None


def get_tenant(
    connection: Connection, name: str, settings: Settings, *, with_revisions: bool = True
) -> Tenant:
    """The tenant of this name.

    Raises:
        TenantError: the tenant does not exist.
    """
    tenant = find_tenant(connection, name, settings, with_revisions=with_revisions)
    if tenant is None:
        raise TenantError(
            f"there is no tenant {name} in the database: campaigndb tenant list shows them"
        )
    return tenant


def _tenants(
    connection: Connection,
    settings: Settings,
    schema: str | None = None,
    *,
    with_revisions: bool,
) -> list[Tenant]:
    rows = connection.execute(_TENANTS, {"schema": schema, "tables": _TABLES}).all()
    tenants = [
        Tenant(name, row.schema, "", tuple(row.granted_roles))
        for row in rows
        if (name := tenant_name(row.schema, settings)) is not None
    ]
    if not with_revisions:
        return tenants
    version_tables = {row.schema: row.version_table for row in rows if row.version_table}
    ours = [tenant.schema for tenant in tenants if tenant.schema in version_tables]
    revisions = _revisions(connection, {schema: version_tables[schema] for schema in ours})
    found = []
    for tenant in tenants:
        if tenant.schema not in version_tables:
            found.append(replace(tenant, revision=None, problem=_NO_VERSION_TABLE))
        elif isinstance(revision := revisions[tenant.schema], str):
            found.append(replace(tenant, revision=revision))
        elif getattr(revision.orig, "sqlstate", None) not in _GONE:
            problem = f"its revision cannot be read: {_first_line(revision)}"
            found.append(replace(tenant, revision=None, problem=problem))
    return found


def _revisions(
    connection: Connection, version_tables: Mapping[str, str]
) -> dict[str, str | DBAPIError]:
    """Each schema's revision, or its error. An error in one does not affect the others."""
    found: dict[str, str | DBAPIError] = {}
    tables = list(version_tables.items())
    for start in range(0, len(tables), _READ_AT_ONCE):
        some = tables[start : start + _READ_AT_ONCE]
        try:
            found |= _read_revisions(connection, some)
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            for table in some:
                try:
                    found |= _read_revisions(connection, [table])
                except DBAPIError as of_one:
                    if of_one.connection_invalidated:
                        raise
                    found[table[0]] = of_one
    return found


def _read_revisions(connection: Connection, tables: Sequence[tuple[str, str]]) -> dict[str, str]:
    # The names come from the catalogs, and are quoted.
    query = " union all ".join(
        f"select {number}, (select string_agg(version_num, ', ' order by version_num)"  # noqa: S608
        f" from {quote_identifier(schema)}.{table})"
        for number, (schema, table) in enumerate(tables)
    )
    try:
        rows = connection.exec_driver_sql(query.replace("%", "%%"))
        return {tables[number][0]: revision or "" for number, revision in rows}
    finally:
        connection.rollback()  # releases the locks of the tables, which would become too many


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0]


def _with_sizes(connection: Connection, tenants: Sequence[Tenant]) -> list[Tenant]:
    schemas = [tenant.schema for tenant in tenants]
    rows = connection.execute(
        text("""
            select n.nspname, coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint as size
            from pg_namespace as n
            join pg_class as c on c.relnamespace = n.oid and c.relkind in ('r', 'm')
            where n.nspname = any (cast(:schemas as text[]))
            group by n.nspname
        """),
        {"schemas": schemas},
    )
    sizes = {row.nspname: row.size for row in rows}
    # If a schema is on another node, the coordinator's tables of it are empty.
    placed = citus.placements(connection, schemas) if citus.is_installed(connection) else {}
    return [
        replace(tenant, size=placed[tenant.schema].size, node=placed[tenant.schema].node)
        if tenant.schema in placed
        else replace(tenant, size=sizes.get(tenant.schema, 0))
        for tenant in tenants
    ]
