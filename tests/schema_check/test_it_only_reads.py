"""A check changes nothing, in whatever schema, however the database was migrated."""

from __future__ import annotations

import psycopg
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from app.migrations.commands import offline_script, upgrade
from app.schema_check import schema_differences
from app.settings import Settings

CATALOG = text("""
    select md5(string_agg(row::text, '' order by row::text)) from (
      select p.xmin::text || p::text from pg_proc as p where p.pronamespace >= 16384
      union all select c.xmin::text || c.oid || c.relname from pg_class as c
    ) as t (row)
""")


def test_no_row_of_the_catalog_is_written_anew(database_url: URL, owner_engine: Engine) -> None:
    with owner_engine.connect() as connection:
        before = connection.execute(CATALOG).scalar_one()
    schema_differences(database_url, Settings(_env_file=None))
    with owner_engine.connect() as connection:
        assert connection.execute(CATALOG).scalar_one() == before


def test_a_schema_with_a_name_that_needs_quotes_has_no_difference(database_url: URL) -> None:
    settings = Settings(_env_file=None, schema_name="Tenant-1")
    upgrade(database_url, settings=settings)
    assert schema_differences(database_url, settings) == []


def test_a_database_migrated_by_script_has_no_difference(database_url: URL) -> None:
    settings = Settings(_env_file=None, schema_name="scripted")
    plain = database_url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as connection:
        connection.execute(offline_script("upgrade", "head", settings).encode())
    assert schema_differences(database_url, settings) == []
