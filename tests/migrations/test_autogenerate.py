"""`alembic check`: the revisions and the tables of the code say the same."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import URL

from campaigndb.migrations.commands import upgrade
from campaigndb.settings import Settings
from tests.migrations.catalog import connect
from tests.migrations.programs import Alembic


@pytest.mark.parametrize("schema", ["public", "tenant-7"])
def test_nothing_is_found_on_a_migrated_database_with_tables_of_others(
    alembic: Alembic, empty_database: URL, schema: str
) -> None:
    upgrade(empty_database, settings=Settings(_env_file=None, schema_name=schema))
    with connect(empty_database) as connection:
        connection.execute(f'set search_path to "{schema}"'.encode())
        connection.execute(
            """
            create table invoices (
              id int primary key, campaign_id uuid references gmaps_campaigns on delete set null
            );
            create index invoices_campaign on invoices (campaign_id);
            create view spending as select sum(actual_cost) from gmaps_campaigns
            """
        )
    check = alembic("check", url=empty_database, CAMPAIGNDB_SCHEMA=schema)
    assert check.returncode == 0, check.stdout + check.stderr
    assert "No new upgrade operations detected" in check.stdout


def test_a_changed_table_is_found(alembic: Alembic, empty_database: URL) -> None:
    upgrade(empty_database, settings=Settings(_env_file=None))
    with connect(empty_database) as connection:
        connection.execute("alter table gmaps_campaigns drop column description")
    check = alembic("check", url=empty_database)
    assert check.returncode != 0
    assert "add_column" in check.stdout
