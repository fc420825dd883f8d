"""The application role executes the functions for callers, locks the gates, and no more."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from psycopg.sql import SQL, Identifier
from sqlalchemy.engine import URL

from campaigndb import CampaignStore
from campaigndb.migrations.commands import downgrade, upgrade
from campaigndb.settings import Settings
from tests.migrations.catalog import connect, snapshot
from tests.migrations.databases import PASSWORD
from tests.roles.as_role import FOR_CALLERS, executable_functions, refused_everything_on_tables


def settings_for(app_role: str | None, schema: str = "public") -> Settings:
    return Settings(_env_file=None, app_role=app_role, schema_name=schema)


@pytest.mark.parametrize("schema", ["public", "tenant-7"])
@pytest.mark.parametrize("name", ["app", """O'Neil's "App" 100% a:b \\:c ::d"""])
def test_it_may_execute_the_functions_for_callers_and_nothing_else(
    empty_database: URL,
    make_role: Callable[..., str],
    own_store: Callable[..., CampaignStore],
    name: str,
    schema: str,
) -> None:
    role = make_role(name)
    upgrade(empty_database, settings=settings_for(role, schema))

    assert executable_functions(empty_database, role, schema) == FOR_CALLERS
    refused_everything_on_tables(empty_database, role, schema, but_locking_gates=True)
    store = own_store(empty_database.set(username=role, password=PASSWORD), schema)
    assert store.create_campaign_with_coverage({"name": "x"}, ["1"]).zip_count == 1


def test_every_other_role_may_execute_nothing(
    empty_database: URL, make_role: Callable[..., str]
) -> None:
    other = make_role("other")
    upgrade(empty_database, settings=settings_for(None))
    assert executable_functions(empty_database, other) == ()
    refused_everything_on_tables(empty_database, other)


def test_a_role_named_later_is_granted_by_the_next_upgrade(
    empty_database: URL, make_role: Callable[..., str]
) -> None:
    first, second = make_role("first"), make_role("second")
    upgrade(empty_database, settings=settings_for(first))
    upgrade(empty_database, settings=settings_for(second))
    for role in (first, second):
        assert executable_functions(empty_database, role) == FOR_CALLERS


def test_grants_are_the_same_after_another_upgrade_and_after_down_and_up(
    empty_database: URL, make_role: Callable[..., str]
) -> None:
    settings = settings_for(make_role("app"))
    upgrade(empty_database, settings=settings)
    first = snapshot(empty_database)
    upgrade(empty_database, settings=settings)
    assert snapshot(empty_database) == first
    downgrade(empty_database, "base", settings=settings)
    upgrade(empty_database, settings=settings)
    assert snapshot(empty_database) == first


def test_an_upgrade_takes_back_what_was_granted_by_mistake(
    empty_database: URL, make_role: Callable[..., str]
) -> None:
    role = make_role("app")
    upgrade(empty_database, settings=settings_for(role))
    first = snapshot(empty_database)
    with connect(empty_database) as connection:
        for statement in (
            "grant execute on all functions in schema public to public, {}",
            "grant all on all tables in schema public to public, {}",
            "alter table gmaps_campaigns disable row level security",
        ):
            connection.execute(SQL(statement).format(Identifier(role)))
    assert snapshot(empty_database) != first

    upgrade(empty_database, settings=settings_for(role))

    assert executable_functions(empty_database, role) == FOR_CALLERS
    refused_everything_on_tables(empty_database, role, but_locking_gates=True)
    again = snapshot(empty_database)
    assert [row[:-1] for row in again["relations"]] == [row[:-1] for row in first["relations"]]


def test_default_privileges_for_the_role_and_for_everybody_give_it_no_table(
    empty_database: URL, make_role: Callable[..., str]
) -> None:
    role = make_role("app")
    with connect(empty_database) as connection:
        for statement in (
            "alter default privileges in schema public grant all on tables to public, {}",
            "alter default privileges in schema public grant all on functions to {}",
        ):
            connection.execute(SQL(statement).format(Identifier(role)))
    upgrade(empty_database, settings=settings_for(role))
    assert executable_functions(empty_database, role) == FOR_CALLERS
    refused_everything_on_tables(empty_database, role, but_locking_gates=True)
