"""Which tenants there are: the catalogs say so, and nothing else has to agree with them.

A schema is a tenant's where it holds two of: a version table, this project's tables, its functions;
its name begins with `CAMPAIGNDB_TENANT_PREFIX`, and it is not `CAMPAIGNDB_SCHEMA`. Two, so that a
tenant that lost one is still looked at. One that was migrated down to nothing is none any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, pool, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from app.database import on_begin, on_connect
from app.identifiers import quote_identifier
from app.migrations.pooler import leads_to_transaction_pooler
from app.settings import Settings
from app.tables import metadata
from app.tables.cost_gates import cost_gates
from app.tenants import citus
from app.tenants.errors import TenantError
from app.tenants.names import tenant_name, tenant_schema

# The application role is who may create a campaign: the function is as old as the schema.
_TENANTS = text("""
    select n.nspname as schema, found.has_version_table,
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
      select part.namespace, bool_or(part.kind = 'versions') as has_version_table
      from (
        select relnamespace as namespace,
          case when relname = 'alembic_version' then 'versions' else 'tables' end as kind
        from pg_class
        where relkind in ('r', 'p') and relname = any (cast(:tables as text[]))
        union all
        select pronamespace, 'functions'
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
# Not the gates: so many names more would find no tenant more.
_TABLES = ["alembic_version", *sorted(set(metadata.tables) - {gate.name for gate in cost_gates})]
# In one query for each so many tenants: a thousand round trips would be most of the time.
_READ_AT_ONCE = 200
# Of one tenant's table; whoever holds it must not keep the others waiting.
_LOCK_TIMEOUT_SECONDS = 2.0
_NO_VERSION_TABLE = "it has no table alembic_version"
# Undefined table, undefined schema: what a tenant is that was dropped meanwhile.
_GONE = ("42P01", "3F000")


@dataclass(frozen=True)
class Tenant:
    """A tenant as the catalogs show it.

    Attributes:
        name: without the prefix.
        schema: its schema's name, not quoted.
        revision: of its schema; several are joined by a comma; empty for none, and where it was not
            asked for; None where it cannot be read.
        granted_roles: the roles that may execute its functions, usually one.
        size: of its tables and indexes in bytes; None where it was not asked for.
        node: `host:port` where a Citus cluster has it; None elsewhere.
        problem: why its revision cannot be read, in one line; None where it can.
    """

    name: str
    schema: str
    revision: str | None
    granted_roles: tuple[str, ...] = ()
    size: int | None = None
    node: str | None = None
    problem: str | None = None


def shown_revision(revision: str | None) -> str:
    """For people and logs."""
    return "an unknown revision" if revision is None else revision or "base"


@contextmanager
def owner_connection(url: URL, settings: Settings) -> Iterator[Connection]:
    """A connection whose transactions run as the role that owns what migrations create.

    It may be a transaction pooler's: what is set ends with each transaction.
    """
    with _connection(url, settings, settings.owner_role) as connection:
        yield connection


@contextmanager
def reader_connection(url: URL, settings: Settings) -> Iterator[Connection]:
    """The same as the role that connects: it may be one that only reads."""
    with _connection(url, settings, None) as connection:
        yield connection


@contextmanager
def owner_session(url: URL, settings: Settings) -> Iterator[Connection]:
    """A connection in autocommit mode, as the owner, that waits for locks without a limit.

    Raises:
        TenantError: the address leads to a transaction pooler, which has no session to give.
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
    return create_engine(
        url,
        poolclass=pool.NullPool,
        connect_args={"fallback_application_name": "campaigndb tenant", "prepare_threshold": None},
        **options,
    )


def list_tenants(
    connection: Connection,
    settings: Settings,
    *,
    with_revisions: bool = True,
    with_sizes: bool = False,
) -> list[Tenant]:
    """All tenants of the database, in the order of their schemas' names.

    Their revisions can be read by those only who may read each version table.
    """
    tenants = _tenants(connection, settings, with_revisions=with_revisions)
    return _with_sizes(connection, tenants) if with_sizes else tenants


def find_tenant(
    connection: Connection, name: str, settings: Settings, *, with_revisions: bool = True
) -> Tenant | None:
    """The tenant of that name, or None.

    Raises:
        TenantNameError: there can be none.
    """
    schema = tenant_schema(name, settings)
    found = _tenants(connection, settings, schema, with_revisions=with_revisions)
    return found[0] if found else None


def get_tenant(
    connection: Connection, name: str, settings: Settings, *, with_revisions: bool = True
) -> Tenant:
    """The tenant of that name.

    Raises:
        TenantError: there is none.
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
    has_version_table = {row.schema for row in rows if row.has_version_table}
    revisions = _revisions(connection, [t.schema for t in tenants if t.schema in has_version_table])
    found = []
    for tenant in tenants:
        if tenant.schema not in has_version_table:
            found.append(replace(tenant, revision=None, problem=_NO_VERSION_TABLE))
        elif isinstance(revision := revisions[tenant.schema], str):
            found.append(replace(tenant, revision=revision))
        elif getattr(revision.orig, "sqlstate", None) not in _GONE:
            problem = f"its revision cannot be read: {_first_line(revision)}"
            found.append(replace(tenant, revision=None, problem=problem))
    return found


def _revisions(connection: Connection, schemas: Sequence[str]) -> dict[str, str | DBAPIError]:
    """Each schema's revision, or why it cannot be read: one's trouble is not everybody's."""
    found: dict[str, str | DBAPIError] = {}
    for start in range(0, len(schemas), _READ_AT_ONCE):
        some = schemas[start : start + _READ_AT_ONCE]
        try:
            found |= _read_revisions(connection, some)
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            for schema in some:
                try:
                    found |= _read_revisions(connection, [schema])
                except DBAPIError as of_one:
                    if of_one.connection_invalidated:
                        raise
                    found[schema] = of_one
    return found


def _read_revisions(connection: Connection, schemas: Sequence[str]) -> dict[str, str]:
    # The names come from the catalogs, and are quoted.
    query = " union all ".join(
        f"select {number}, (select string_agg(version_num, ', ' order by version_num)"  # noqa: S608
        f" from {quote_identifier(schema)}.alembic_version)"
        for number, schema in enumerate(schemas)
    )
    try:
        rows = connection.exec_driver_sql(query.replace("%", "%%"))
        return {schemas[number]: revision or "" for number, revision in rows}
    finally:
        connection.rollback()  # lets go of the tables, of which a thousand would be too many


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
    # The coordinator's own tables of a schema that is elsewhere are empty.
    placed = citus.placements(connection, schemas) if citus.is_installed(connection) else {}
    return [
        replace(tenant, size=placed[tenant.schema].size, node=placed[tenant.schema].node)
        if tenant.schema in placed
        else replace(tenant, size=sizes.get(tenant.schema, 0))
        for tenant in tenants
    ]
