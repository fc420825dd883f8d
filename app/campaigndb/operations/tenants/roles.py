"""Which application role a tenant's schema is for, and the settings of its migration."""

from __future__ import annotations

from dataclasses import replace

from campaigndb.operations.tenants.errors import TenantError
from campaigndb.operations.tenants.names import tenant_schema
from campaigndb.settings import Settings, check_identifier


def tenant_settings(
    name: str,
    settings: Settings,
    *,
    app_role: str | None = None,
    granted_roles: tuple[str, ...] = (),
) -> Settings:
    """The settings with which the tenant's schema is migrated, compared and reconciled.

    Its application role is, in this order: the one that is named here; the tenant's own by
    `CAMPAIGNDB_TENANT_APP_ROLE`; the one that the schema is granted to already, so that an upgrade
    of all tenants needs no list of roles; `CAMPAIGNDB_APP_ROLE`, which then is for every tenant.

    Raises:
        TenantNameError: there can be no such tenant.
        TenantError: no role is named, and the schema is granted to several.
    """
    schema = tenant_schema(name, settings)
    role = app_role
    try:
        if role is None and settings.tenant_app_role is not None:
            role = settings.tenant_app_role.replace("{tenant}", name)
        if role is not None:
            check_identifier(role)
    except ValueError as error:
        raise TenantError(f"tenant {name}: the application role: {error}") from None
    if role is None and len(granted_roles) > 1:
        raise TenantError(
            f"tenant {name}: its functions are granted to {', '.join(granted_roles)}: say by"
            " --app-role or CAMPAIGNDB_TENANT_APP_ROLE which one is the application's"
        )
    if role is None:
        role = granted_roles[0] if granted_roles else settings.app_role
    return replace(settings, schema_name=schema, app_role=role)


def naming_the_role(problem: str, settings: Settings, app_role: str | None) -> str:
    """What a migration says of the application role, by the name of what chose it here."""
    if app_role is not None:
        return problem.replace("(CAMPAIGNDB_APP_ROLE)", "(--app-role)")
    if settings.tenant_app_role is not None:
        return problem.replace("(CAMPAIGNDB_APP_ROLE)", "(CAMPAIGNDB_TENANT_APP_ROLE)")
    return problem
