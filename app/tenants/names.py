"""Which schema is a tenant's: the setting's prefix and the tenant's name, quoted wherever used.

Nothing is folded or replaced: two names are never one schema.
"""

from __future__ import annotations

from app.settings import Settings, check_schema_name, get_settings
from app.tenants.errors import TenantNameError


def tenant_schema(name: str, settings: Settings | None = None) -> str:
    """The name of the tenant's schema, not quoted.

    Raises:
        TenantNameError: it cannot be a schema's name, or is that of the schema of no tenant.
    """
    settings = settings or get_settings()
    # A name may hold anything, also what must not reach a terminal or a log.
    shown = ascii(name[:80])
    if not name:
        raise TenantNameError("a tenant's name is empty")
    try:
        schema = check_schema_name(settings.tenant_prefix + name)
    except ValueError as error:
        raise TenantNameError(f"{shown} is no tenant's name: {error}") from None
    if schema == settings.schema_name:
        raise TenantNameError(
            f"{shown} is no tenant's name: its schema would be CAMPAIGNDB_SCHEMA, which is nobody's"
        )
    return schema


def tenant_name(schema: str, settings: Settings) -> str | None:
    """The tenant whose schema has this name; None where it is no tenant's."""
    name = schema.removeprefix(settings.tenant_prefix)
    if schema.startswith(settings.tenant_prefix):
        try:
            return name if tenant_schema(name, settings) == schema else None
        except TenantNameError:
            return None
    return None
