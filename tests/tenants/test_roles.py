"""A tenant's application role, tried as another tenant's: functions, tables, gates."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import NullPool, create_engine
from sqlalchemy.engine import URL

from campaigndb import CampaignStore, StoredFunctionError
from campaigndb.operations.tenants.errors import TenantError
from campaigndb.operations.tenants.lifecycle import create_tenant
from campaigndb.operations.tenants.roles import tenant_settings
from campaigndb.operations.tenants.upgrades import upgrade_tenants
from campaigndb.settings import Settings
from tests.migrations.catalog import connect
from tests.migrations.databases import PASSWORD, new_role
from tests.roles.as_role import FOR_CALLERS, executable_functions, refused_everything_on_tables
from tests.tenants.tenants import SETTINGS, TENANTS, tenants_of


def give(url: URL, name: str, settings: Settings = SETTINGS, **options: object) -> None:
    [done] = upgrade_tenants(url, [tenants_of(url)[name]], settings, **options)
    assert done.failure is None


@pytest.fixture
def granted(tenants_url: URL, roles: list[str]) -> dict[str, str]:
    """Each tenant's role; both tenants were migrated with theirs."""
    for name, role in zip(TENANTS, roles, strict=True):
        give(tenants_url, name, app_role=role)
    return dict(zip(TENANTS, roles, strict=True))


def test_each_sees_its_own_tenants_functions_and_nothing_of_the_other(
    tenants_url: URL, granted: dict[str, str]
) -> None:
    for name, role in granted.items():
        [other] = set(TENANTS) - {name}
        assert executable_functions(tenants_url, role, name) == FOR_CALLERS
        refused_everything_on_tables(tenants_url, role, name, but_locking_gates=True)
        assert executable_functions(tenants_url, role, other) == ()
        refused_everything_on_tables(tenants_url, role, other)

        engine = create_engine(
            tenants_url.set(username=role, password=PASSWORD), poolclass=NullPool
        )
        campaign = CampaignStore(engine, tenant=name).create_campaign_with_coverage({"name": "x"})
        CampaignStore(engine, tenant=name).track_campaign_cost(
            campaign.campaign_id, "bouncer", 1, 1
        )
        for call in (
            lambda store: store.create_campaign_with_coverage({"name": "x"}),
            lambda store: store.track_campaign_cost(campaign.campaign_id, "bouncer", 1, 1),  # noqa: B023
            lambda store: store.run_in_transaction(
                lambda tx: tx.wait_at_cost_gates(campaign.campaign_id)  # noqa: B023
            ),
        ):
            with pytest.raises(StoredFunctionError) as refused:
                call(CampaignStore(engine, tenant=other))
            assert refused.value.error_code == "42501"


def test_an_upgrade_of_all_knows_each_tenants_role(
    tenants_url: URL, granted: dict[str, str]
) -> None:
    # A role that is named for all is not for those that have one of their own.
    shared = replace(SETTINGS, app_role=granted["acme"])
    # Some functions go and come again, and have to be granted to somebody.
    for options in ({"revision": "0001", "down": True}, {}):
        tenants = tenants_of(tenants_url)
        assert {t.name: t.granted_roles for t in tenants.values()} == {
            name: (role,) for name, role in granted.items()
        }
        done = list(upgrade_tenants(tenants_url, list(tenants.values()), shared, **options))
        assert [each.failure for each in done] == [None, None]
    for name, role in granted.items():
        [other] = set(TENANTS) - {name}
        assert executable_functions(tenants_url, role, name) == FOR_CALLERS
        assert executable_functions(tenants_url, role, other) == ()


def test_a_role_that_is_derived_from_the_tenants_name(
    tenants_url: URL, server_url: URL, roles: list[str]
) -> None:
    pattern, named = (
        roles[0],
        replace(SETTINGS, tenant_app_role=roles[0] + "_{tenant}"),
    )
    with new_role(server_url, f"{pattern}_fresh") as role:
        assert create_tenant(tenants_url, "fresh", named).granted_roles == (role,)
        give(tenants_url, "fresh", named)
        with connect(tenants_url) as connection:
            connection.execute(f'drop owned by "{role}"')


def test_whose_role_it_is() -> None:
    shared = replace(SETTINGS, app_role="everybodys")
    own = replace(shared, tenant_app_role="{tenant}_app")
    assert tenant_settings("acme", SETTINGS).app_role is None
    assert tenant_settings("acme", shared).app_role == "everybodys"
    assert tenant_settings("acme", shared, granted_roles=("its",)).app_role == "its"
    assert tenant_settings("acme", own, granted_roles=("its",)).app_role == "acme_app"
    assert tenant_settings("acme", own, app_role="said").app_role == "said"
    with pytest.raises(TenantError, match="are granted to a, b: say by"):
        tenant_settings("acme", shared, granted_roles=("a", "b"))
    with pytest.raises(TenantError, match="at most 63 bytes"):
        tenant_settings("a" * 60, own)
