"""Row security is on for every table, and no policy opens any but the revision's number."""

from __future__ import annotations

from collections.abc import Callable

from psycopg.sql import SQL, Identifier
from sqlalchemy.engine import URL

from campaigndb.migrations.commands import upgrade
from campaigndb.settings import Settings
from campaigndb.tables import metadata
from tests.migrations.catalog import connect, snapshot
from tests.roles.as_role import as_role


def test_it_is_on_for_every_table_and_one_policy_opens_the_revision(empty_database: URL) -> None:
    upgrade(empty_database, settings=Settings(_env_file=None))
    found = snapshot(empty_database)
    secured = {row[0]: row[3] for row in found["relations"] if row[1] == "r"}
    assert secured == dict.fromkeys([*metadata.tables, "gmaps_alembic_version"], True)
    assert found["policies"] == [("gmaps_alembic_version", "alembic_version_is_readable")]


def test_a_role_that_was_granted_the_tables_sees_no_row(
    empty_database: URL, make_role: Callable[..., str]
) -> None:
    reader = make_role("reader")
    upgrade(empty_database, settings=Settings(_env_file=None))
    with connect(empty_database) as connection:
        connection.execute("select create_campaign_with_coverage('{\"name\": \"x\"}', '[]')")
        connection.execute(
            SQL("grant select on all tables in schema public to {}").format(Identifier(reader))
        )
    with as_role(empty_database, reader) as connection:
        for table in metadata.tables:
            rows = connection.execute(SQL("select from {}").format(Identifier(table)))
            assert rows.fetchall() == []
        # A pipeline that compares may be granted the revision's number, and nothing more by that.
        assert connection.execute("select version_num from gmaps_alembic_version").fetchall()
