"""Creates, drops and moves a tenant. Each operation is atomic and safe to repeat."""

from __future__ import annotations

import re

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

from campaigndb.database import quote_identifier
from campaigndb.migrations.commands import upgrade
from campaigndb.migrations.deploy_lock import own_session
from campaigndb.migrations.version_table import find_version_table
from campaigndb.operations.tenants import citus
from campaigndb.operations.tenants.errors import TenantError
from campaigndb.operations.tenants.registry import (
    Tenant,
    find_tenant,
    get_tenant,
    owner_connection,
    owner_session,
)
from campaigndb.operations.tenants.roles import tenant_settings
from campaigndb.settings import Settings

_OTHERS_OBJECTS = text("""
    select count(*) from (
      select oid from pg_class where relnamespace = to_regnamespace(quote_ident(:schema))
      union all
      select oid from pg_proc where pronamespace = to_regnamespace(quote_ident(:schema))
    ) as object
""")
_SCHEMA_EXISTS = text("select to_regnamespace(quote_ident(:schema)) is not null")


def create_tenant(
    url: URL, name: str, settings: Settings, *, app_role: str | None = None
) -> Tenant:
    """Creates the tenant's schema and migrates it, in one transaction.

    An existing empty schema of this name is used, so that the owner of the tenants needs no
    privilege to create schemas. `app_role`: see `tenant_settings`.

    Raises:
        TenantNameError: the name is invalid.
        TenantError: the tenant, or something else with this name, exists already.
        SQLAlchemyError, CommandError: the migration failed; nothing was created.
    """
    own = tenant_settings(name, settings, app_role=app_role)
    schema = own.schema_name
    with owner_connection(url, settings) as connection:
        if find_tenant(connection, name, settings) is not None:
            raise TenantError(f"the tenant {name} exists already: campaigndb tenant upgrade {name}")
        if connection.execute(_SCHEMA_EXISTS, {"schema": schema}).scalar_one():
            _check_it_can_be_taken(connection, schema)
    upgrade(url, settings=own, tenant=name)
    with owner_connection(url, settings) as connection:
        return get_tenant(connection, name, settings)


def drop_tenant(url: URL, name: str, settings: Settings) -> Tenant:
    """Drops the tenant's schema with everything in it, once no migration runs on it.

    Raises:
        TenantError: the tenant does not exist.
        CommandError: another migration of the tenant did not end in time.
    """
    with owner_connection(url, settings) as connection:
        tenant = get_tenant(connection, name, settings)
        connection.rollback()  # waiting for the lock may take long
        own = tenant_settings(name, settings, app_role=settings.app_role)
        with own_session(url, own) as lock:
            lock.take()
            # While this waits for the lock of a table, its callers wait too.
            milliseconds = round(settings.migration_lock_timeout * 1000)
            connection.exec_driver_sql(f"set local lock_timeout to {milliseconds}")
            connection.exec_driver_sql(
                f"drop schema {quote_identifier(tenant.schema)} cascade".replace("%", "%%")
            )
            connection.commit()
    return tenant


def move_tenant(url: URL, name: str, target: str, settings: Settings) -> Tenant:
    """Moves the tenant to another node of a Citus cluster. `target` is the node's `host:port`.

    Raises:
        TenantError: the tenant or the node does not exist, there is no cluster, or the database's
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
    # Without a transaction, whose locks would block the cluster. It waits for writers.
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
    # A schema that was migrated down to nothing may be migrated up again.
    if find_version_table(connection, schema) is not None:
        return
    objects = connection.execute(_OTHERS_OBJECTS, {"schema": schema}).scalar_one()
    if objects:
        raise TenantError(f"the schema {schema} exists already and holds other things")
