"""What goes wrong with a tenant, as one line for the user."""


class TenantError(Exception):
    """A tenant cannot be worked on; the message says which one and why."""


class TenantNameError(TenantError, ValueError):
    """A text that cannot be a tenant's name."""
