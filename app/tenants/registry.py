"""Which tenants there are: the catalogs say so, and nothing else has to agree with them.

A schema is a tenant's where it holds a version table and the campaigns of its own, its name begins
with `CAMPAIGNDB_TENANT_PREFIX`, and it is not `CAMPAIGNDB_SCHEMA`. One that was migrated down to
nothing is none any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sqlalchemy import Connection, create_engine, pool, text
from sqlalchemy.engine import URL

from app.database import on_connect
from app.identifiers import quote_identifier
from app.settings import Settings
from app.tenants import citus
from app.tenants.errors import TenantError
from app.tenants.names import tenant_name, tenant_schema

# The application role is who may create a campaign: the function is as old as the schema.
_TENANTS = text("""
    select n.nspname as schema,
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
    where (cast(:schema as text) is null or n.nspname = :schema)
      and (
        select count(*) from pg_class as c
        where c.relnamespace = n.oid and c.relkind in ('r', 'p')
          and c.relname in ('alembic_version', 'gmaps_campaigns')
      ) = 2
    order by n.nspname
""")
# In one query for each so many tenants: a thousand round trips would be most of the time.
_READ_AT_ONCE = 200


@dataclass(frozen=True)
class Tenant:
    """A tenant as the catalogs show it.

    Attributes:
        name: without the prefix.
        schema: its schema's name, not quoted.
        revision: of its schema; several are joined by a comma; empty for none, and where it was not
            asked for.
        granted_roles: the roles that may execute its functions, usually one.
        size: of its tables and indexes in bytes; None where it was not asked for.
        node: `host:port` where a Citus cluster has it; None elsewhere.
    """

    name: str
    schema: str
    revision: str
    granted_roles: tuple[str, ...] = ()
    size: int | None = None
    node: str | None = None


@contextmanager
def owner_connection(url: URL, settings: Settings) -> Iterator[Connection]:
    """A connection in autocommit mode, as the role that owns what migrations create."""
    with _connection(url, settings, settings.owner_role) as connection:
        yield connection


@contextmanager
def reader_connection(url: URL, settings: Settings) -> Iterator[Connection]:
    """A connection in autocommit mode, as the role that connects: it may be one that only reads."""
    with _connection(url, settings, None) as connection:
        yield connection


@contextmanager
def _connection(url: URL, settings: Settings, role: str | None) -> Iterator[Connection]:
    engine = create_engine(
        url,
        poolclass=pool.NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={"fallback_application_name": "campaigndb tenant", "prepare_threshold": None},
    )
    on_connect(engine, search_path=settings.schema_name, role=role)
    with engine.connect() as connection:
        yield connection


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
    rows = connection.execute(_TENANTS, {"schema": schema})
    tenants = [
        Tenant(name, row.schema, "", tuple(row.granted_roles))
        for row in rows
        if (name := tenant_name(row.schema, settings)) is not None
    ]
    if not with_revisions:
        return tenants
    revisions = _revisions(connection, [tenant.schema for tenant in tenants])
    return [replace(tenant, revision=revisions[tenant.schema]) for tenant in tenants]


def _revisions(connection: Connection, schemas: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(schemas), _READ_AT_ONCE):
        some = schemas[start : start + _READ_AT_ONCE]
        # The names come from the catalogs, and are quoted.
        query = " union all ".join(
            f"select {number}, (select string_agg(version_num, ', ' order by version_num)"  # noqa: S608
            f" from {quote_identifier(schema)}.alembic_version)"
            for number, schema in enumerate(some)
        )
        for number, revision in connection.exec_driver_sql(query.replace("%", "%%")):
            found[some[number]] = revision or ""
    return found


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
