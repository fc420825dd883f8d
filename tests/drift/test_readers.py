"""Who may compare: a role that can read, and nothing it does is in anybody's way."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL

from campaigndb.operations.drift import DriftUnknownError, find_drift
from campaigndb.operations.drift import drift as module
from campaigndb.tables import metadata
from tests.drift.conftest import SETTINGS, Execute, FoundDrift
from tests.migrations.catalog import connect

PASSWORD = "of-a-throw-away-server"
# Every row of the catalogs that says something of the database, with its version.
CATALOG = text("""
    select md5(string_agg(row::text, '' order by row::text)) from (
      select p.xmin::text || p::text from pg_proc as p where p.pronamespace >= 16384
      union all select c.xmin::text || c.oid || c.relname from pg_class as c
    ) as t (row)
""")


@pytest.fixture
def reader(server_url: URL, database_url: URL, execute: Execute) -> Iterator[URL]:
    """A role that may log in, and nothing else yet."""
    name = f"drift_reader_{uuid.uuid4().hex[:8]}"
    with connect(server_url) as connection:
        connection.execute(f"create role {name} login password '{PASSWORD}'")
    yield database_url.set(username=name, password=PASSWORD)
    execute(f"drop owned by {name}")
    with connect(server_url) as connection:
        connection.execute(f"drop role {name}")


def test_a_role_that_may_read_the_revision_can_compare(
    reader: URL, execute: Execute, found_drift: FoundDrift
) -> None:
    found_drift()  # leaves a shadow
    execute(f"grant select on gmaps_alembic_version to {reader.username}")
    told: list[str] = []
    assert find_drift(reader, SETTINGS, tell=told.append).differences == []
    assert told == []  # the shadow was there
    with create_engine(reader).connect() as connection:
        may_write = text("select has_table_privilege('gmaps_campaigns', 'insert')")
        assert not connection.execute(may_write).scalar_one()


def test_a_member_of_pg_read_all_data_can_compare(
    reader: URL, execute: Execute, found_drift: FoundDrift
) -> None:
    found_drift()
    execute(f"grant pg_read_all_data to {reader.username}")
    assert find_drift(reader, SETTINGS).differences == []


def test_a_role_that_may_not_read_the_revision_is_told_what_to_grant(reader: URL) -> None:
    with pytest.raises(DriftUnknownError) as caught:
        find_drift(reader, SETTINGS)
    assert str(caught.value) == (
        f"{reader.username} may not read the revision: "
        f"grant select on public.gmaps_alembic_version to {reader.username}"
    )


def test_a_revision_that_row_security_hides_is_no_missing_revision(
    reader: URL, execute: Execute
) -> None:
    execute(f"grant select on gmaps_alembic_version to {reader.username}")
    execute("drop policy alembic_version_is_readable on gmaps_alembic_version")
    with pytest.raises(DriftUnknownError, match="row security hides the revision"):
        find_drift(reader, SETTINGS)


def test_it_locks_nothing_that_a_worker_could_wait_for(
    database_url: URL, owner_engine: Engine
) -> None:
    locks = text("""
        select l.mode, c.relname, c.relnamespace = 'pg_catalog'::regnamespace as is_catalog
        from pg_locks as l
        left join pg_class as c on c.oid = l.relation
        where l.pid = :pid and l.locktype <> 'virtualxid'
    """)
    with module._reading(database_url, SETTINGS) as reading:
        pid = reading.execute(text("select pg_backend_pid()")).scalar_one()
        module._read_live(reading, SETTINGS)
        with owner_engine.connect() as connection:
            held = connection.execute(locks, {"pid": pid}).all()
        assert held
        assert {lock.mode for lock in held} == {"AccessShareLock"}
        # Whoever prints an SQL-standard body reads the tables that it is bound to.
        assert {lock.relname for lock in held if not lock.is_catalog} <= {
            "gmaps_alembic_version",
            "gmaps_alembic_version_pkc",
            *metadata.tables,
        }
        with pytest.raises(Exception, match="read-only transaction"):
            reading.execute(text("create table x ()"))


def test_it_does_not_wait_for_a_migration_at_work(
    database_url: URL, owner_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_TIMEOUT_SECONDS", 0.1)
    with owner_engine.begin() as connection:
        connection.execute(text("lock table gmaps_alembic_version in access exclusive mode"))
        with pytest.raises(DriftUnknownError, match="locked, probably by a migration"):
            find_drift(database_url, SETTINGS, keep_shadow=True)


def test_no_row_of_the_catalog_is_written_anew(
    found_drift: FoundDrift, owner_engine: Engine
) -> None:
    with owner_engine.connect() as connection:
        before = connection.execute(CATALOG).scalar_one()
    found_drift()
    with owner_engine.connect() as connection:
        assert connection.execute(CATALOG).scalar_one() == before


@pytest.mark.parametrize("setting", ["quote_all_identifiers = on", "datestyle = 'German, DMY'"])
def test_what_the_server_sets_does_not_change_what_is_read(
    setting: str, database_url: URL, execute: Execute, found_drift: FoundDrift
) -> None:
    execute(f"alter database {database_url.database} set {setting}")
    assert [item.kind for item in found_drift().differences] == ["setting"]


def test_the_value_of_an_unknown_setting_is_not_told(
    execute: Execute, found_drift: FoundDrift
) -> None:
    execute("alter function scraped_text(text) set app.secret to 'do not tell'")
    (difference,) = found_drift().differences
    assert "app.secret=md5 " in difference.line
    assert "do not tell" not in str(difference)
