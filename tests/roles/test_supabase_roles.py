"""On Supabase, only `service_role` may execute; browsers' roles touch nothing."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.engine import URL

from campaigndb import CampaignStore
from campaigndb.migrations.commands import offline_script, upgrade
from campaigndb.settings import Settings
from tests.migrations.catalog import connect, snapshot
from tests.migrations.databases import PASSWORD
from tests.migrations.programs import psql
from tests.roles.as_role import FOR_CALLERS, executable_functions, refused_everything_on_tables
from tests.roles.conftest import BROWSERS


def test_only_service_role_may_execute_and_the_browsers_roles_touch_nothing(
    supabase_database: URL, own_store: Callable[..., CampaignStore]
) -> None:
    upgrade(supabase_database, settings=Settings(_env_file=None))

    for role in BROWSERS:
        assert executable_functions(supabase_database, role) == ()
        refused_everything_on_tables(supabase_database, role)
    assert executable_functions(supabase_database, "service_role") == FOR_CALLERS
    store = own_store(supabase_database.set(username="service_role", password=PASSWORD))
    assert store.create_campaign_with_coverage({"name": "x"}).zip_count == 0


def test_an_upgrade_takes_back_what_was_opened_since(supabase_database: URL) -> None:
    upgrade(supabase_database, settings=Settings(_env_file=None))
    first = snapshot(supabase_database)
    with connect(supabase_database) as connection:
        connection.execute("grant execute on all functions in schema public to anon, authenticated")
        connection.execute("grant all on all tables in schema public to anon, authenticated")
    upgrade(supabase_database, settings=Settings(_env_file=None))
    for role in BROWSERS:
        assert executable_functions(supabase_database, role) == ()
        refused_everything_on_tables(supabase_database, role)
    assert snapshot(supabase_database)["relations"] == first["relations"]


def test_another_schema_is_open_to_service_role_only(supabase_database: URL) -> None:
    settings = Settings(_env_file=None, schema_name="tenant-7")
    upgrade(supabase_database, settings=settings)
    for role in BROWSERS:
        assert executable_functions(supabase_database, role, "tenant-7") == ()
        refused_everything_on_tables(supabase_database, role, "tenant-7")
    assert executable_functions(supabase_database, "service_role", "tenant-7") == FOR_CALLERS


def test_a_script_written_elsewhere_finds_the_roles_where_it_is_applied(
    supabase_database: URL,
) -> None:
    settings = Settings(_env_file=None)
    applied = psql(supabase_database, offline_script("upgrade", "head", settings))
    assert (applied.returncode, applied.stderr) == (0, "")
    for role in BROWSERS:
        assert executable_functions(supabase_database, role) == ()
        refused_everything_on_tables(supabase_database, role)
    assert executable_functions(supabase_database, "service_role") == FOR_CALLERS
