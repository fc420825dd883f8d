"""A deploy that is killed at a random point, and run again, ends as if nothing had happened."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from pathlib import Path

from sqlalchemy.engine import URL

from campaigndb.migrations.commands import upgrade
from campaigndb.settings import Settings
from tests.migrations.catalog import connect, snapshot
from tests.migrations.databases import new_database
from tests.migrations.deploys import Deploy, start_deploy
from tests.migrations.messages import at_first_message
from tests.migrations.project import LATEST, NEXT, NEXT_BUT_ONE, Project

SETTINGS = Settings(_env_file=None)
ROUNDS = 6
AFTER_THAT = f"{int(NEXT_BUT_ONE) + 1:04}"
CONNECTED = """
    select from pg_stat_activity
    where datname = current_database() and application_name like 'campaigndb migration,%'
"""


def fill(database: URL) -> None:
    upgrade(database, LATEST, settings=SETTINGS)
    with connect(database) as connection:
        connection.execute("""select create_campaign_with_coverage('{"name": "x"}', '["1"]')""")


def wait_for_deploy(database: URL, *, connected: bool) -> None:
    deadline = time.monotonic() + 30
    with connect(database) as connection:
        while bool(connection.execute(CONNECTED).fetchall()) != connected:
            assert time.monotonic() < deadline, "the deploy never came, or never went"
            time.sleep(0.002)


def test_an_upgrade_that_is_killed_and_run_again_ends_right(
    project: Project, server_url: URL, tmp_path: Path, rng: random.Random
) -> None:
    project.add_revision(
        NEXT,
        LATEST,
        upgrade="op.add_column('gmaps_campaigns', sa.Column('added', sa.Text))",
        downgrade="op.drop_column('gmaps_campaigns', 'added')",
        functions=["track_campaign_cost", "insert_businesses_batch"],
    )
    project.add_revision(
        NEXT_BUT_ONE,
        NEXT,
        upgrade="create_index_concurrently('idx_campaigns_name', 'gmaps_campaigns', ['name'])",
        downgrade="drop_index_concurrently('idx_campaigns_name', 'gmaps_campaigns')",
    )
    project.add_revision(
        AFTER_THAT,
        NEXT_BUT_ONE,
        upgrade="op.create_table('another', sa.Column('id', sa.Integer, primary_key=True))",
        downgrade="op.drop_table('another')",
        functions=["update_campaign_statistics"],
    )

    def start(database: URL) -> Deploy:
        return start_deploy(
            "upgrade", "head", url=database, folder=tmp_path, project=project.folder
        )

    killed = 0
    reached = Counter[str]()
    with new_database(server_url) as filled:
        fill(filled)
        for template, rows, rounds in ((filled.database, 1, ROUNDS), (None, 0, ROUNDS // 3)):
            with new_database(server_url, template) as database:
                deploy = start(database)
                wait_for_deploy(database, connected=True)
                started = time.monotonic()
                wait_for_deploy(database, connected=False)
                seconds = time.monotonic() - started
                assert deploy.exit_code() == 0, deploy.said()
                undisturbed = snapshot(database)

            for _ in range(rounds):
                with new_database(server_url, template) as database:
                    deploy = start(database)
                    wait_for_deploy(database, connected=True)
                    wait = rng.uniform(0, seconds)
                    time.sleep(wait)
                    deploy.process.kill()
                    if deploy.exit_code() == -signal.SIGKILL:
                        killed += 1
                    else:
                        # It ended by itself: the one that was measured was slower.
                        seconds = wait
                    reached[version(database)] += 1

                    upgrade(database, settings=SETTINGS)
                    assert snapshot(database) == undisturbed
                    assert version(database) == AFTER_THAT
                    with connect(database) as connection:
                        kept = connection.execute("select from gmaps_campaign_coverage")
                        assert len(kept.fetchall()) == rows
    print(f"{killed} of {reached.total()} deploys were killed; they had reached {dict(reached)}")
    assert killed >= ROUNDS / 2


def test_the_next_deploy_waits_for_what_a_killed_one_left_at_work(
    project: Project, empty_database: URL, tmp_path: Path
) -> None:
    upgrade(empty_database, settings=SETTINGS)
    project.add_revision(
        NEXT, LATEST, upgrade="op.create_table('added'); op.execute('select pg_sleep(1.5)')"
    )
    deploy = start_deploy(
        "upgrade", "head", url=empty_database, folder=tmp_path, project=project.folder
    )
    at_work = "select from pg_stat_activity where datname = current_database() and wait_event"
    with connect(empty_database) as connection:
        deadline = time.monotonic() + 30
        while not connection.execute(f"{at_work} = 'PgSleep'").fetchall():
            assert time.monotonic() < deadline, deploy.said()
            time.sleep(0.01)
        deploy.process.kill()
        assert deploy.exit_code() == -signal.SIGKILL

        with at_first_message("Waiting for another migration", lambda: None) as messages:
            upgrade(empty_database, settings=SETTINGS)
    assert messages
    assert version(empty_database) == NEXT


def version(database: URL) -> str:
    """Of the deploy that was killed: the server may still be at its last statement."""
    with connect(database) as connection:
        ((exists,),) = connection.execute("select to_regclass('gmaps_alembic_version') is not null")
        if not exists:
            return "nothing"
        return "".join(number for (number,) in connection.execute("table gmaps_alembic_version"))
