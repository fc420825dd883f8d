"""A tenant is made whole and goes whole, and nothing else is touched."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alembic.util import CommandError
from sqlalchemy.engine import URL

from campaigndb.migrations.commands import downgrade, upgrade
from campaigndb.migrations.deploy_lock import own_session
from campaigndb.operations.tenants.errors import TenantError
from campaigndb.operations.tenants.lifecycle import create_tenant, drop_tenant
from campaigndb.operations.tenants.roles import tenant_settings
from campaigndb.settings import Settings
from tests.migrations.catalog import connect, names, snapshot
from tests.tenants.tenants import SETTINGS, TENANTS, revisions_of, tenants_of


def test_a_tenants_schema_is_what_any_other_schema_is(
    tenants_url: URL, empty_database: URL
) -> None:
    upgrade(empty_database, settings=SETTINGS)
    expected = snapshot(empty_database)
    del expected["schema"]  # public has an owner and privileges of its own
    for name in TENANTS:
        found = snapshot(tenants_url, name)
        del found["schema"]
        assert found == expected
    assert names(tenants_url) == set()


def test_which_schemas_are_tenants(tenants_url: URL) -> None:
    assert set(tenants_of(tenants_url)) == set(TENANTS)
    with connect(tenants_url) as connection:
        # Another project's; and two that are no tenant's by the settings.
        connection.execute("create schema other")
        connection.execute("create table other.alembic_version (version_num text)")
    upgrade(tenants_url, settings=SETTINGS)
    assert set(tenants_of(tenants_url)) == set(TENANTS)
    prefixed = Settings(_env_file=None, tenant_prefix="tenant_")
    assert tenants_of(tenants_url, prefixed) == {}
    assert create_tenant(tenants_url, "acme", prefixed).schema == "tenant_acme"
    assert list(tenants_of(tenants_url, prefixed)) == ["acme"]


def test_what_is_there_already_is_refused(tenants_url: URL) -> None:
    with connect(tenants_url) as connection:
        connection.execute("create schema other create table things ()")
    before = snapshot(tenants_url, "acme"), snapshot(tenants_url, "other")
    with pytest.raises(TenantError, match="acme exists already"):
        create_tenant(tenants_url, "acme", SETTINGS)
    with pytest.raises(TenantError, match="other exists already and holds other things"):
        create_tenant(tenants_url, "other", SETTINGS)
    assert (snapshot(tenants_url, "acme"), snapshot(tenants_url, "other")) == before


def test_an_empty_schema_and_one_migrated_down_to_nothing_are_taken(tenants_url: URL) -> None:
    with connect(tenants_url) as connection:
        connection.execute("create schema prepared")
    assert create_tenant(tenants_url, "prepared", SETTINGS).revision
    downgrade(tenants_url, "base", tenant_settings("acme", SETTINGS), tenant="acme")
    assert "acme" not in tenants_of(tenants_url)
    assert create_tenant(tenants_url, "acme", SETTINGS).revision


def test_of_a_tenant_that_cannot_be_made_nothing_remains(tenants_url: URL) -> None:
    with pytest.raises(Exception, match="no_such_role"):
        create_tenant(tenants_url, "fresh", SETTINGS, app_role="no_such_role")
    with connect(tenants_url) as connection:
        assert connection.execute("select to_regnamespace('fresh')").fetchone() == (None,)


def test_a_dropped_tenant_is_gone_and_the_other_is_as_it_was(tenants_url: URL) -> None:
    before = snapshot(tenants_url, TENANTS[1])
    drop_tenant(tenants_url, "acme", SETTINGS)
    assert list(revisions_of(tenants_url)) == [TENANTS[1]]
    assert snapshot(tenants_url, TENANTS[1]) == before
    with connect(tenants_url) as connection:
        assert connection.execute("select to_regnamespace('acme')").fetchone() == (None,)


@pytest.mark.parametrize("name", ["nobody", "public", "pg_catalog", 'acme" cascade; --', "other"])
def test_what_is_no_tenant_is_not_dropped(tenants_url: URL, name: str) -> None:
    with connect(tenants_url) as connection:
        connection.execute("create schema other create table alembic_version ()")
    with pytest.raises(TenantError):
        drop_tenant(tenants_url, name, SETTINGS)
    assert len(tenants_of(tenants_url)) == 2
    assert "alembic_version" in names(tenants_url, "other")


def test_a_tenant_is_not_dropped_beneath_a_migration(tenants_url: URL) -> None:
    impatient = replace(SETTINGS, migration_deploy_timeout=0.1)
    with own_session(tenants_url, tenant_settings("acme", SETTINGS)) as lock:
        lock.take()
        with pytest.raises(CommandError, match="another migration of the schema acme"):
            drop_tenant(tenants_url, "acme", impatient)
    assert "acme" in tenants_of(tenants_url)
