"""Everything lives in the schema that the settings name, whatever else the database holds."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from psycopg.sql import SQL, Identifier
from sqlalchemy.engine import URL

from campaigndb import CampaignStore
from campaigndb.migrations.commands import downgrade, upgrade
from campaigndb.settings import Settings
from tests.migrations.catalog import connect, names, snapshot
from tests.migrations.databases import PASSWORD, new_role
from tests.migrations.programs import Alembic


@pytest.mark.parametrize("schema", ["tenant-7", "Große_Firma$1", "select"])
def test_everything_lands_in_the_schema_and_nothing_in_public(
    empty_database: URL, second_database: URL, schema: str
) -> None:
    settings = Settings(_env_file=None, schema_name=schema)
    upgrade(empty_database, settings=settings)
    upgrade(second_database, settings=Settings(_env_file=None))

    assert names(empty_database) == set()
    elsewhere, public = snapshot(empty_database, schema), snapshot(second_database)
    assert "gmaps_alembic_version" in {row[0] for row in elsewhere["relations"]}
    for found in (elsewhere, public):
        del found["schema"]  # public has an owner and privileges of its own
    assert elsewhere == public

    downgrade(empty_database, "base", settings=settings)
    assert names(empty_database, schema) == {
        "gmaps_alembic_version",
        "_gmaps_alembic_version",
        "gmaps_alembic_version_pkc",
    }


def test_functions_are_pinned_to_their_schema_and_to_temporary_objects_last(
    empty_database: URL,
) -> None:
    upgrade(empty_database, settings=Settings(_env_file=None, schema_name="tenant-7"))
    with connect(empty_database) as connection:
        paths = connection.execute(
            """
            select distinct setting from pg_proc, unnest(proconfig) as setting
            where pronamespace = '"tenant-7"'::regnamespace and setting like 'search_path=%'
            """
        ).fetchall()
    assert paths == [('search_path="tenant-7", pg_temp',)]


def test_two_schemas_of_one_database_are_independent(
    server_url: URL,
    empty_database: URL,
    owned_store: Callable[..., CampaignStore],
) -> None:
    with new_role(server_url, "two_schemas_app") as app_role:
        for schema in ("tenant-1", "tenant-2"):
            upgrade(
                empty_database,
                settings=Settings(_env_file=None, schema_name=schema, app_role=app_role),
            )
        as_application = empty_database.set(username=app_role, password=PASSWORD)
        totals = {}
        for amount, schema in enumerate(("tenant-1", "tenant-2"), start=1):
            store = owned_store(as_application, schema)
            created = store.create_campaign_with_coverage({"name": schema}, ["00100"])
            store.insert_businesses_batch(
                created.campaign_id, "00100", [{"place_id": "same", "name": schema}]
            )
            tracked = store.track_campaign_cost(created.campaign_id, "facebook", 1, amount)
            totals[schema] = tracked.new_total
        assert totals == {"tenant-1": Decimal(1), "tenant-2": Decimal(2)}
        with connect(empty_database) as connection:
            for schema in ("tenant-1", "tenant-2"):
                query = SQL("select name from {}.gmaps_businesses").format(Identifier(schema))
                assert connection.execute(query).fetchall() == [(schema,)]

        second = snapshot(empty_database, "tenant-2")
        settings = Settings(_env_file=None, schema_name="tenant-1", app_role=app_role)
        downgrade(empty_database, "base", settings=settings)
        assert snapshot(empty_database, "tenant-2") == second
        with connect(empty_database) as connection:
            connection.execute(SQL("drop owned by {}").format(Identifier(app_role)))


def test_the_version_is_kept_in_the_schema_also_where_public_has_one(
    alembic: Alembic, empty_database: URL
) -> None:
    with connect(empty_database) as connection:
        connection.execute("create table public.alembic_version (version_num text)")
        connection.execute("insert into public.alembic_version values ('of another project')")

    up = alembic("upgrade", "head", url=empty_database, CAMPAIGNDB_SCHEMA="tenant-7")
    assert up.returncode == 0, up.stderr

    with connect(empty_database) as connection:
        (other,) = connection.execute("select version_num from public.alembic_version").fetchall()
        versions = connection.execute('select version_num from "tenant-7".gmaps_alembic_version')
        assert len(versions.fetchall()) == 1
    assert other == ("of another project",)
    current = alembic("current", url=empty_database, CAMPAIGNDB_SCHEMA="tenant-7")
    assert "(head)" in current.stdout, current.stderr


def test_a_name_in_public_that_is_one_of_the_tables_is_left_alone(empty_database: URL) -> None:
    with connect(empty_database) as connection:
        connection.execute("create table public.gmaps_campaigns (id int)")
    before = snapshot(empty_database)
    settings = Settings(_env_file=None, schema_name="tenant")
    upgrade(empty_database, settings=settings)
    downgrade(empty_database, "base", settings=settings)
    assert snapshot(empty_database) == before
