"""Work on a whole database: drift, monitoring, reports, imports, tenants, reconciliation."""
