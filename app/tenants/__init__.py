"""One schema a tenant: an organisation's campaigns never join another's, so they share nothing.

`names.py` says which schema is a tenant's, `registry.py` which tenants there are, `lifecycle.py`
creates, drops and moves one, `upgrades.py` migrates all of them. `citus.py` is what a cluster does
with the schemas; no routing is done here.
"""

from app.tenants.errors import TenantError
from app.tenants.lifecycle import create_tenant, drop_tenant, move_tenant
from app.tenants.names import tenant_schema
from app.tenants.registry import Tenant, find_tenant, list_tenants
from app.tenants.roles import tenant_settings
from app.tenants.upgrades import Upgrade, upgrade_tenants

__all__ = [
    "Tenant",
    "TenantError",
    "Upgrade",
    "create_tenant",
    "drop_tenant",
    "find_tenant",
    "list_tenants",
    "move_tenant",
    "tenant_schema",
    "tenant_settings",
    "upgrade_tenants",
]
