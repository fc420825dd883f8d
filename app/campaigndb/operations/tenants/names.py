"""The names of tenants' schemas: the setting's prefix and the tenant's name.

The case is kept and no character is replaced, so that two names never share a schema.
"""

from __future__ import annotations

from campaigndb.operations.tenants.errors import TenantNameError
from campaigndb.settings import Settings
from campaigndb.settings import tenant_schema as schema_of


def tenant_schema(name: str, settings: Settings) -> str:
    """The name of the tenant's schema, not quoted.

    Raises:
        TenantNameError: it is not a valid schema name, or the schema is not a tenant's.
    """
    try:
        return schema_of(name, settings)
    except ValueError as error:
        raise TenantNameError(str(error)) from None


def tenant_name(schema: str, settings: Settings) -> str | None:
    """The tenant whose schema has this name; None if it is not a tenant's."""
    name = schema.removeprefix(settings.tenant_prefix)
    if schema.startswith(settings.tenant_prefix):
        try:
            return name if tenant_schema(name, settings) == schema else None
        except TenantNameError:
            return None
    return None
