"""What the tests of tenants share: who they are, and looking at the database."""

from __future__ import annotations

from argparse import Namespace

from alembic.config import Config
from sqlalchemy.engine import URL

from campaigndb.migrations.configuration import alembic_config
from campaigndb.operations.tenants.registry import Tenant, list_tenants, owner_connection
from campaigndb.settings import Settings

# In the order of the catalog, the second with a name that has to be quoted.
TENANTS = ("acme", "Große-Firma$1")
SETTINGS = Settings(_env_file=None, database_url=None, tenant_jobs=2)


def tenants_of(url: URL, settings: Settings = SETTINGS) -> dict[str, Tenant]:
    with owner_connection(url, settings) as connection:
        return {tenant.name: tenant for tenant in list_tenants(connection, settings)}


def revisions_of(url: URL, settings: Settings = SETTINGS) -> dict[str, str]:
    return {tenant.name: tenant.revision for tenant in tenants_of(url, settings).values()}


def alembic_with(url: URL, *arguments: str, settings: Settings = SETTINGS) -> Config:
    """What `alembic -x …` gives its commands."""
    config = alembic_config(url, settings=settings)
    config.cmd_opts = Namespace(x=list(arguments))
    return config
