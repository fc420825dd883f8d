"""Another role than the one that connects may own what migrations create."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from psycopg.sql import SQL, Identifier
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from campaigndb import CampaignStore
from campaigndb.migrations.commands import downgrade, upgrade
from campaigndb.settings import Settings
from tests.migrations.catalog import connect, names, snapshot
from tests.migrations.databases import PASSWORD
from tests.roles.as_role import FOR_CALLERS, executable_functions, refused_everything_on_tables


@pytest.mark.parametrize("schema", ["public", "tenant-7"])
def test_everything_is_owned_by_the_owner_when_a_member_migrates(
    empty_database: URL,
    make_role: Callable[..., str],
    own_store: Callable[..., CampaignStore],
    schema: str,
) -> None:
    owner, app_role = make_role('The "Owner"', "nologin"), make_role("app")
    deployer = make_role("deployer")
    with connect(empty_database) as connection:
        connection.execute(SQL("grant {} to {}").format(Identifier(owner), Identifier(deployer)))
        allowed = (
            SQL("grant create on schema public to {}").format(Identifier(owner))
            if schema == "public"
            else SQL("grant create on database {} to {}").format(
                Identifier(str(empty_database.database)), Identifier(owner)
            )
        )
        connection.execute(allowed)
    settings = Settings(_env_file=None, owner_role=owner, app_role=app_role, schema_name=schema)
    as_deployer = empty_database.set(username=deployer, password=PASSWORD)
    upgrade(as_deployer, settings=settings)

    with connect(empty_database) as connection:
        owners = connection.execute(
            """
            select distinct rolname from pg_roles where oid in (
              select relowner from pg_class where relnamespace = %(schema)s::regnamespace
              union select proowner from pg_proc where pronamespace = %(schema)s::regnamespace
            )
            """,
            {"schema": f'"{schema}"'},
        ).fetchall()
    assert owners == [(owner,)]
    assert executable_functions(empty_database, app_role, schema) == FOR_CALLERS
    refused_everything_on_tables(empty_database, app_role, schema, but_locking_gates=True)
    store = own_store(empty_database.set(username=app_role, password=PASSWORD), schema)
    assert store.create_campaign_with_coverage({"name": "x"}).zip_count == 0

    first = snapshot(empty_database, schema)
    downgrade(as_deployer, "base", settings=settings)
    upgrade(as_deployer, settings=settings)
    assert snapshot(empty_database, schema) == first


def test_a_role_that_is_no_member_of_the_owner_migrates_nothing(
    empty_database: URL, make_role: Callable[..., str]
) -> None:
    owner, stranger = make_role("owner", "nologin"), make_role("stranger")
    settings = Settings(_env_file=None, owner_role=owner)
    with pytest.raises(DBAPIError, match="permission denied to set role"):
        upgrade(empty_database.set(username=stranger, password=PASSWORD), settings=settings)
    assert names(empty_database) == set()


def test_an_owner_that_may_not_grant_usage_on_the_schema_says_so(
    empty_database: URL, make_role: Callable[..., str]
) -> None:
    """The schema is somebody else's, who let the owner create in it and the application not in."""
    owner, app_role = make_role("owner"), make_role("app")
    with connect(empty_database) as connection:
        connection.execute("create schema theirs")
        connection.execute(
            SQL("grant usage, create on schema theirs to {}").format(Identifier(owner))
        )
    settings = Settings(_env_file=None, app_role=app_role, schema_name="theirs")
    with pytest.raises(DBAPIError, match="may not grant usage on the schema theirs"):
        upgrade(empty_database.set(username=owner, password=PASSWORD), settings=settings)
    assert names(empty_database, "theirs") == set()
