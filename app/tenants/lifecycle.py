"""Creating, dropping and moving one tenant. Each is done or not at all, and safe to repeat."""

from __future__ import annotations

import re

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

from app.identifiers import quote_identifier
from app.migrations.commands import upgrade
from app.migrations.deploy_lock import own_session
from app.settings import Settings
from app.tenants import citus
from app.tenants.errors import TenantError
from app.tenants.registry import (
    Tenant,
    find_tenant,
    get_tenant,
    owner_connection,
    owner_session,
)
from app.tenants.roles import tenant_settings

_OTHERS_OBJECTS = text("""
    select count(*) from (
      select oid from pg_class where relnamespace = to_regnamespace(quote_ident(:schema))
      union all
      select oid from pg_proc where pronamespace = to_regnamespace(quote_ident(:schema))
    ) as object
""")
_SCHEMA_EXISTS = text("select to_regnamespace(quote_ident(:schema)) is not null")
_VERSION_TABLE = text("select to_regclass(format('%I.alembic_version', cast(:schema as text)))")


def create_tenant(
    url: URL, name: str, settings: Settings, *, app_role: str | None = None, revision: str = "head"
) -> Tenant:
    """Makes the tenant's schema and migrates it, in one transaction.

    A schema of that name that is empty is taken as it is, so that whoever owns the tenants needs no
    right to create schemas. `app_role`: see `tenant_settings`.

    Raises:
        TenantNameError: it cannot be a tenant's name.
        TenantError: the tenant, or something else of that name, is there already.
        SQLAlchemyError, CommandError: the migration failed; nothing was made.
    """
    own = tenant_settings(name, settings, app_role=app_role)
    schema = own.schema_name
    with owner_connection(url, settings) as connection:
        if find_tenant(connection, name, settings) is not None:
            raise TenantError(f"the tenant {name} exists already: campaigndb tenant upgrade {name}")
        if connection.execute(_SCHEMA_EXISTS, {"schema": schema}).scalar_one():
            _check_it_can_be_taken(connection, schema)
    upgrade(url, revision, own, tenant=name)
    with owner_connection(url, settings) as connection:
        return get_tenant(connection, name, settings)


def drop_tenant(url: URL, name: str, settings: Settings) -> Tenant:
    """Drops the tenant's schema with everything in it, as soon as no migration works on it.

    Raises:
        TenantError: there is no such tenant.
        CommandError: another migration of it did not end in time.
    """
    with owner_connection(url, settings) as connection:
        tenant = get_tenant(connection, name, settings)
        connection.rollback()  # it may be long until the lock is taken
        own = tenant_settings(name, settings, app_role=settings.app_role)
        with own_session(url, own) as lock:
            lock.take()
            # Whoever waits for the lock of a table makes its callers wait too.
            milliseconds = round(settings.migration_lock_timeout * 1000)
            connection.exec_driver_sql(f"set local lock_timeout to {milliseconds}")
            connection.exec_driver_sql(
                f"drop schema {quote_identifier(tenant.schema)} cascade".replace("%", "%%")
            )
            connection.commit()
    return tenant


def move_tenant(url: URL, name: str, target: str, settings: Settings) -> Tenant:
    """Moves the tenant to another node of a Citus cluster; `target` is the node's `host:port`.

    Raises:
        TenantError: there is no such tenant, no cluster, or no such address; or the database's own
            address leads to a transaction pooler.
    """
    address = re.fullmatch(r"(?P<host>[^\s:]+|\[[0-9A-Fa-f:]+\]):(?P<port>\d{1,5})", target)
    if address is None:
        raise TenantError(f"{target!a} is no node: say it as host:port, as the cluster knows it")
    with owner_connection(url, settings) as connection:
        tenant = get_tenant(connection, name, settings)
        if not citus.is_installed(connection):
            raise TenantError(
                f"the tenant {name} stays where it is: the database is one PostgreSQL server, and"
                " only a Citus cluster has nodes to move to (the extension citus is not installed)"
            )
    # Not in a transaction, which would hold what the cluster waits for; it waits for writers.
    with owner_session(url, settings) as connection:
        citus.move_schema(
            connection, tenant.schema, address["host"].strip("[]"), int(address["port"])
        )
    return tenant


def _check_it_can_be_taken(connection: Connection, schema: str) -> None:
    if citus.is_installed(connection):
        raise TenantError(
            f"the schema {schema} exists already, and would not be placed on a node: drop it, if it"
            " is empty, and let the tenant's be created"
        )
    # What a migration down to nothing left may be migrated up again.
    if connection.execute(_VERSION_TABLE, {"schema": schema}).scalar_one() is not None:
        return
    objects = connection.execute(_OTHERS_OBJECTS, {"schema": schema}).scalar_one()
    if objects:
        raise TenantError(f"the schema {schema} exists already and holds other things")
