"""A tenant's name is an identifier, short enough, and never more than a name."""

from __future__ import annotations

import pytest

from campaigndb.operations.tenants.errors import TenantNameError
from campaigndb.operations.tenants.names import tenant_name, tenant_schema
from campaigndb.settings import Settings, SettingsError

NO_NAMES = [
    "",
    " acme",
    "acme ",
    "acme\n",
    "a\x00b",
    "a.b",
    'a"b',
    "a'b",
    "a; drop schema public cascade; --",
    "a%s",
    "a\\b",
    "1acme",
    "-acme",
    "$acme",
    "pg_acme",
    "information_schema",
    "a" * 64,
    "ß" * 32,
]


def settings(**values: str) -> Settings:
    return Settings(_env_file=None, **values)


@pytest.mark.parametrize("name", ["acme", "Große-Firma$1", "_", "select", "a" * 63, "information"])
def test_a_name_is_its_schemas_name(name: str) -> None:
    assert tenant_schema(name, settings()) == name
    assert tenant_name(name, settings()) == name


@pytest.mark.parametrize("name", NO_NAMES, ids=ascii)
def test_what_is_no_identifier_is_refused_by_name(name: str) -> None:
    with pytest.raises(TenantNameError) as refused:
        tenant_schema(name, settings())
    message = str(refused.value)
    assert message.isprintable()
    assert ascii(name) in message if name else "is empty" in message


def test_the_schema_that_is_no_tenants_is_refused() -> None:
    with pytest.raises(TenantNameError, match="CAMPAIGNDB_SCHEMA"):
        tenant_schema("public", settings())
    with pytest.raises(TenantNameError, match="CAMPAIGNDB_SCHEMA"):
        tenant_schema("main", settings(schema_name="tenant_main", tenant_prefix="tenant_"))
    assert tenant_name("public", settings()) is None


def test_a_prefix_keeps_other_schemas_apart_and_counts_for_the_length() -> None:
    prefixed = settings(tenant_prefix="tenant_")
    assert tenant_schema("acme", prefixed) == "tenant_acme"
    assert tenant_schema("1", prefixed) == "tenant_1"
    assert tenant_schema("public", prefixed) == "tenant_public"
    assert tenant_name("tenant_acme", prefixed) == "acme"
    for schema in ("acme", "tenant_", "Tenant_acme"):
        assert tenant_name(schema, prefixed) is None
    with pytest.raises(TenantNameError, match="at most 63 bytes"):
        tenant_schema("a" * 57, prefixed)


@pytest.mark.parametrize(
    "wrong", [{"tenant_prefix": "a.b"}, {"tenant_app_role": "app"}, {"tenant_jobs": "0"}]
)
def test_settings_that_can_name_nobody_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        settings(**wrong)
