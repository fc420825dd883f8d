"""One schema a tenant: an organisation's campaigns never join another's, so they share nothing.

`names.py` says which schema is a tenant's, `roles.py` which role may use it, `registry.py` which
tenants there are; `lifecycle.py` creates, drops and moves one, `upgrades.py` migrates all of them.
`citus.py` is what a cluster does with the schemas; no routing is done here.
"""
