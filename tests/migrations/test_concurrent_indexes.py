"""A revision of its own builds an index while writers go on, and clears up after a failed try."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy.engine import URL
from sqlalchemy.exc import IntegrityError

from campaigndb.migrations.commands import downgrade, offline_script, upgrade
from campaigndb.settings import Settings
from tests.migrations.catalog import connect, names, snapshot
from tests.migrations.programs import psql
from tests.migrations.project import LATEST, NEXT, Project

SETTINGS = Settings(_env_file=None, migration_lock_timeout=0.2, migration_attempts=1)
INDEX = "idx_campaigns_name"
ALL_INDEXES = """
    select c.relname, i.indisvalid from pg_index as i join pg_class as c on c.oid = i.indexrelid
    where i.indrelid = 'gmaps_campaigns'::regclass and c.relname like 'idx_campaigns_name%'
"""


@pytest.fixture
def with_index(project: Project) -> None:
    project.add_revision(
        NEXT,
        LATEST,
        upgrade=f"create_index_concurrently('{INDEX}', 'gmaps_campaigns', ['name'], unique=True)",
        downgrade=f"drop_index_concurrently('{INDEX}', 'gmaps_campaigns')",
    )


def versions(database: URL) -> list[tuple[str]]:
    with connect(database) as connection:
        return connection.execute("select * from gmaps_alembic_version").fetchall()


def indexes(database: URL) -> list[tuple[str, bool]]:
    with connect(database) as connection:
        return connection.execute(ALL_INDEXES).fetchall()


@pytest.mark.usefixtures("with_index")
@pytest.mark.parametrize("starts_at", ["base", LATEST])
def test_it_is_built_and_dropped_concurrently(empty_database: URL, starts_at: str) -> None:
    if starts_at != "base":
        upgrade(empty_database, starts_at, settings=SETTINGS)
    upgrade(empty_database, settings=SETTINGS)
    assert indexes(empty_database) == [(INDEX, True)]
    assert versions(empty_database) == [(NEXT,)]
    downgrade(empty_database, LATEST, settings=SETTINGS)
    assert indexes(empty_database) == []


@pytest.mark.usefixtures("with_index")
def test_a_script_does_the_same(empty_database: URL, second_database: URL) -> None:
    applied = psql(empty_database, offline_script("upgrade", "head", SETTINGS))
    assert (applied.returncode, applied.stderr.strip()) == (0, "")
    upgrade(second_database, settings=SETTINGS)
    assert snapshot(empty_database) == snapshot(second_database)


@pytest.fixture
def two_of_a_name(database_url: URL) -> URL:
    """A database in which the index cannot be built: the try ends with an INVALID one."""
    with connect(database_url) as connection:
        connection.execute("insert into gmaps_campaigns (name) values ('a'), ('a')")
    return database_url


@pytest.mark.usefixtures("with_index")
def test_the_next_try_removes_what_a_failed_one_left(two_of_a_name: URL) -> None:
    for _ in range(2):
        with pytest.raises(IntegrityError, match="could not create unique index"):
            upgrade(two_of_a_name, settings=SETTINGS)
        assert indexes(two_of_a_name) == [(INDEX, False)]
        assert versions(two_of_a_name) == [(LATEST,)]
    with connect(two_of_a_name) as connection:
        connection.execute("update gmaps_campaigns set name = id::text")
    upgrade(two_of_a_name, settings=SETTINGS)
    assert indexes(two_of_a_name) == [(INDEX, True)]
    assert versions(two_of_a_name) == [(NEXT,)]


@pytest.mark.usefixtures("with_index")
def test_so_does_the_script(two_of_a_name: URL) -> None:
    script = offline_script("upgrade", f"{LATEST}:{NEXT}", SETTINGS)
    assert psql(two_of_a_name, script).returncode != 0
    assert indexes(two_of_a_name) == [(INDEX, False)]
    with connect(two_of_a_name) as connection:
        connection.execute("update gmaps_campaigns set name = id::text")
    applied = psql(two_of_a_name, script)
    assert applied.returncode == 0, applied.stderr
    assert indexes(two_of_a_name) == [(INDEX, True)]
    assert versions(two_of_a_name) == [(NEXT,)]


@pytest.mark.usefixtures("with_index")
def test_an_index_that_was_finished_is_kept(database_url: URL) -> None:
    """Its deploy was killed before it could write down that the revision is done."""
    with connect(database_url) as connection:
        connection.execute(f"create unique index {INDEX} on gmaps_campaigns (name)")
        oid = "select oid from pg_class where relname = %s"
        before = connection.execute(oid, [INDEX]).fetchall()
        upgrade(database_url, settings=SETTINGS)
        assert connection.execute(oid, [INDEX]).fetchall() == before


@pytest.mark.usefixtures("with_index")
def test_it_waits_for_an_older_transaction_longer_than_for_a_lock(
    project: Project, database_url: URL
) -> None:
    """The revision after it has the short limit again."""
    after = f"{int(NEXT) + 1:04}"
    project.add_revision(
        after,
        NEXT,
        upgrade="op.execute('create table limits as select"
        " current_setting($$lock_timeout$$) as of_a_lock')",
    )
    with connect(database_url) as older:
        older.execute("begin; insert into gmaps_campaigns (name) values ('a')")
        end = threading.Timer(1, older.rollback)
        end.start()
        upgrade(database_url, settings=SETTINGS)
        end.join()
    assert indexes(database_url) == [(INDEX, True)]
    with connect(database_url) as connection:
        assert connection.execute("table limits").fetchall() == [("200ms",)]
    assert "limits" in names(database_url)
