"""A revision that waits too long for a lock is rolled back and tried again, then fails clean."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import replace

import pytest
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError

from campaigndb.migrations.commands import downgrade, upgrade
from campaigndb.settings import Settings
from tests.migrations.catalog import connect, snapshot
from tests.migrations.messages import at_first_message
from tests.migrations.project import LATEST, NEXT, NEXT_BUT_ONE, Project

SETTINGS = Settings(_env_file=None, migration_lock_timeout=0.1, migration_attempts=3)
AFTER_THAT = f"{int(NEXT_BUT_ONE) + 1:04}"


@pytest.fixture
def with_revisions(project: Project) -> None:
    """One that meets no lock, one that alters the campaigns after something else, and one more."""
    project.add_revision(
        NEXT,
        LATEST,
        upgrade="op.create_table('first')",
        downgrade="op.drop_table('first')",
    )
    project.add_revision(
        NEXT_BUT_ONE,
        NEXT,
        upgrade="op.create_table('second');"
        " op.add_column('gmaps_campaigns', sa.Column('added', sa.Text))",
        downgrade="op.drop_table('second'); op.drop_column('gmaps_campaigns', 'added')",
    )
    project.add_revision(
        AFTER_THAT,
        NEXT_BUT_ONE,
        upgrade="op.create_table('third')",
        downgrade="op.drop_table('third')",
    )


def version(database: URL) -> str:
    with connect(database) as connection:
        ((number,),) = connection.execute(
            "select version_num from gmaps_alembic_version"
        ).fetchall()
    return number


@pytest.mark.usefixtures("with_revisions")
@pytest.mark.parametrize("target", ["head", "+3"])
def test_it_goes_up_once_the_lock_is_free(database_url: URL, target: str) -> None:
    with connect(database_url, application_name="the test") as holder:
        holder.execute("begin; lock table gmaps_campaigns in access share mode")
        pid = holder.info.backend_pid
        with at_first_message("Try 2 of 3", holder.rollback) as messages:
            upgrade(database_url, target, settings=SETTINGS)
    assert len(messages) == 1
    assert re.match(
        r"Rolled back: canceling statement due to lock timeout; the lock was held by the test"
        rf" \(user postgres, server process {pid}, its transaction \d+ s old\)\. Try 2",
        messages[0],
    )
    assert version(database_url) == AFTER_THAT
    tried_again = snapshot(database_url)
    downgrade(database_url, LATEST, settings=SETTINGS)
    upgrade(database_url, settings=SETTINGS)
    assert snapshot(database_url) == tried_again


@pytest.mark.usefixtures("with_revisions")
def test_going_back_two_revisions_after_a_conflict_is_no_more_than_two(
    database_url: URL,
) -> None:
    upgrade(database_url, settings=SETTINGS)
    with connect(database_url) as holder:
        holder.execute("begin; lock table gmaps_campaigns in access share mode")
        with at_first_message("Try 2 of 3", holder.rollback) as messages:
            downgrade(database_url, "-2", settings=SETTINGS)
    assert len(messages) == 1
    assert version(database_url) == NEXT


@pytest.mark.usefixtures("with_revisions")
def test_it_fails_clean_and_the_revisions_before_it_stay(database_url: URL) -> None:
    upgrade(database_url, NEXT, settings=SETTINGS)
    expected = snapshot(database_url)
    downgrade(database_url, LATEST, settings=SETTINGS)
    with connect(database_url) as holder:
        holder.execute("begin; lock table gmaps_campaigns in access share mode")
        with (
            at_first_message("Try ", lambda: None) as messages,
            pytest.raises(OperationalError, match="lock timeout"),
        ):
            upgrade(database_url, settings=SETTINGS)
    assert [message.partition(" follows")[0][-10:] for message in messages] == [
        "Try 2 of 3",
        "Try 3 of 3",
    ]
    assert snapshot(database_url) == expected
    assert version(database_url) == NEXT


def test_an_empty_database_is_tried_again_as_a_whole(empty_database: URL) -> None:
    with connect(empty_database) as holder:
        # Whatever the revisions make, they come to wait for this table when much of it is made.
        holder.execute("create table other ()")
        holder.execute(
            "create function lock_other() returns event_trigger language plpgsql as"
            " 'begin lock table other; end'"
        )
        holder.execute(
            "create event trigger lock_other on ddl_command_end when tag in ('CREATE INDEX')"
            " execute function lock_other()"
        )
        holder.execute("begin; lock table other")
        with at_first_message("Try 2 of 3", holder.rollback) as messages:
            upgrade(empty_database, settings=SETTINGS)
    assert len(messages) == 1
    assert version(empty_database) == LATEST


@pytest.mark.usefixtures("with_revisions")
def test_a_deadlock_with_a_caller_is_tried_again(project: Project, database_url: URL) -> None:
    upgrade(database_url, NEXT, settings=SETTINGS)
    project.add_revision(
        NEXT_BUT_ONE,
        NEXT,
        # Whoever comes to wait last notices the deadlock, and gives in: the revision.
        upgrade="op.execute('set local deadlock_timeout to 50; lock table first');"
        " op.execute('select pg_sleep(0.5)');"
        " op.add_column('gmaps_campaigns', sa.Column('added', sa.Text))",
    )
    patient = replace(SETTINGS, migration_lock_timeout=20.0)

    with connect(database_url) as caller, connect(database_url) as watcher:
        caller.execute("set deadlock_timeout to '60s'")
        caller.execute("begin; lock table gmaps_campaigns in access share mode")

        def call() -> None:
            locked = (
                "select from pg_locks where relation = 'first'::regclass and granted"
                " and mode = 'AccessExclusiveLock'"
            )
            while not watcher.execute(locked).fetchall():
                time.sleep(0.01)
            caller.execute("lock table first in access share mode")
            caller.execute("commit")

        thread = threading.Thread(target=call, daemon=True)
        thread.start()
        with at_first_message("Try 2 of 3", lambda: None) as messages:
            upgrade(database_url, settings=patient)
        thread.join(20)
    assert len(messages) == 1
    assert "deadlock detected" in messages[0]
    assert version(database_url) == AFTER_THAT
