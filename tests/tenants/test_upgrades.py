"""All tenants at once: bounded, past those that fail, told one by one, and again for the rest."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from alembic import command
from alembic.util import CommandError
from sqlalchemy.engine import URL

from campaigndb.operations.tenants.lifecycle import drop_tenant
from campaigndb.operations.tenants.upgrades import Upgrade, upgrade_tenants
from campaigndb.operations.worker_processes import ProcessDied, in_processes
from tests.migrations.catalog import connect, snapshot
from tests.migrations.programs import run_alembic
from tests.support.revisions import HEAD, PREVIOUS
from tests.support.waiting import wait_until
from tests.tenants.tenants import SETTINGS, TENANTS, alembic_with, revisions_of, tenants_of

# The revision before the one that brings gmaps_rollout_percentages.
WITHOUT_ROLLOUT, WITH_ROLLOUT = "0002", "0003"


def migrate(url: URL, **options: object) -> dict[str, Upgrade]:
    tenants = list(tenants_of(url).values())
    return {done.tenant: done for done in upgrade_tenants(url, tenants, SETTINGS, **options)}


def test_one_that_fails_stops_no_other_and_the_next_run_does_the_rest(tenants_url: URL) -> None:
    before = snapshot(tenants_url, TENANTS[1])
    down = migrate(tenants_url, revision=WITHOUT_ROLLOUT, down=True)
    assert {done.line.split(" (")[0] for done in down.values()} == {
        f"{name}: {HEAD} -> {WITHOUT_ROLLOUT}" for name in TENANTS
    }
    with connect(tenants_url) as connection:
        connection.execute("create table acme.gmaps_rollout_percentages ()")

    done = migrate(tenants_url)

    assert done["acme"].failure is not None
    assert 'relation "gmaps_rollout_percentages" already exists' in done["acme"].failure
    assert done["acme"].line.startswith(f"acme: FAILED at {WITHOUT_ROLLOUT}: ")
    assert done[TENANTS[1]].failure is None
    assert revisions_of(tenants_url) == {"acme": WITHOUT_ROLLOUT, TENANTS[1]: HEAD}
    assert snapshot(tenants_url, TENANTS[1]) == before

    with connect(tenants_url) as connection:
        connection.execute("drop table acme.gmaps_rollout_percentages")
    again = migrate(tenants_url)
    assert again[TENANTS[1]] == Upgrade(TENANTS[1], HEAD, HEAD)
    assert (again["acme"].before, again["acme"].after, again["acme"].failure) == (
        WITHOUT_ROLLOUT,
        HEAD,
        None,
    )


def test_alembic_for_all_tenants_as_a_program(tenants_url: URL, tmp_path: object) -> None:
    with connect(tenants_url) as connection:
        connection.execute("alter table acme.gmaps_rollout_percentages rename to hidden")
    down = run_alembic(
        "-x", "tenants=all", "downgrade", WITHOUT_ROLLOUT, url=tenants_url, folder=tmp_path
    )
    assert down.returncode != 0
    assert "Traceback" not in down.stderr
    *lines, last = [line for line in down.stdout.splitlines() if line]
    assert {line.split(":")[0] for line in lines} == set(TENANTS)
    assert next(line for line in lines if "FAILED" in line).startswith(
        f"acme: FAILED at {WITH_ROLLOUT}: "
    )
    assert "1 of 2 tenants failed: acme; run it again" in last
    assert revisions_of(tenants_url) == {"acme": WITH_ROLLOUT, TENANTS[1]: WITHOUT_ROLLOUT}

    command.upgrade(alembic_with(tenants_url, "tenants=all"), "head")
    assert set(revisions_of(tenants_url).values()) == {HEAD}


def test_alembic_for_one_tenant(tenants_url: URL) -> None:
    command.downgrade(alembic_with(tenants_url, "tenant=acme"), "-1")
    assert revisions_of(tenants_url) == {"acme": PREVIOUS, TENANTS[1]: HEAD}
    command.upgrade(alembic_with(tenants_url, "tenant=acme"), "head")
    command.upgrade(alembic_with(tenants_url, "tenant=fresh"), "head")
    assert revisions_of(tenants_url) == dict.fromkeys([*TENANTS, "fresh"], HEAD)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tennant=acme"], "-x takes tenant=NAME or tenants=all"),
        (["tenant=acme", "tenants=all"], "one of them and once"),
        (["tenants=acme"], "-x tenants=all is all that can be said"),
        (["tenant"], "a tenant's name is empty"),
        (['tenant=a"; drop schema acme; --'], "is no tenant's name"),
        (["tenant=public"], "CAMPAIGNDB_SCHEMA"),
    ],
)
def test_what_alembic_is_not_told_rightly_changes_nothing(
    tenants_url: URL, arguments: list[str], said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        command.upgrade(alembic_with(tenants_url, *arguments), "head")
    assert set(tenants_of(tenants_url)) == set(TENANTS)


def test_all_tenants_are_only_migrated(tenants_url: URL) -> None:
    with pytest.raises(CommandError, match="goes with upgrade and downgrade"):
        command.current(alembic_with(tenants_url, "tenants=all"))
    with pytest.raises(CommandError, match="a script is for one schema"):
        command.upgrade(alembic_with(tenants_url, "tenants=all"), "head", sql=True)


AT_ONCE = 3


def _at_work(task: tuple[int, Path]) -> int:
    """How many are at work. The first ones go on when all of them have begun."""
    number, folder = task
    at_work = folder / f"{number} is at work"
    at_work.touch()
    (folder / f"{number} has begun").touch()
    wait_until(lambda: all((folder / f"{n} has begun").exists() for n in range(AT_ONCE)))
    time.sleep(0.05)  # one too many would be seen
    count = len(list(folder.glob("* is at work")))
    if number == 3:
        at_work.unlink()
        os._exit(1)
    # The next one begins when this one's answer is read.
    at_work.unlink()
    return count


def test_so_many_at_once_and_no_more_also_when_one_of_them_dies(tmp_path: Path) -> None:
    tasks = [(number, tmp_path) for number in range(8)]
    done = {
        number: result
        for (number, _), result in in_processes(
            _at_work, tasks, AT_ONCE, preload="campaigndb.operations.worker_processes"
        )
    }
    assert set(done) == set(range(8))
    assert [n for n, result in done.items() if isinstance(result, ProcessDied)] == [3]
    counts = [result for result in done.values() if isinstance(result, int)]
    assert max(counts) == AT_ONCE


def test_whoever_stops_waiting_stops_the_rest() -> None:
    begun = iter(range(100))
    for _ in in_processes(abs, begun, 2, preload="campaigndb.operations.worker_processes"):
        break
    assert next(begun) <= 4


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (
            "alter table acme.gmaps_alembic_version rename version_num to v",
            "cannot be read: column",
        ),
        ("drop table acme.gmaps_alembic_version", "it has no table gmaps_alembic_version"),
        ("drop table acme.gmaps_campaigns cascade", None),
    ],
)
def test_a_broken_tenant_is_still_looked_at_and_hides_no_other(
    tenants_url: URL, broken: str, said: str | None
) -> None:
    with connect(tenants_url) as connection:
        connection.execute(broken)
    found = tenants_of(tenants_url)
    assert set(found) == set(TENANTS)
    assert found[TENANTS[1]].revision == HEAD
    if said is None:
        assert (found["acme"].revision, found["acme"].problem) == (HEAD, None)
        return
    assert found["acme"].revision is None
    assert said in str(found["acme"].problem)
    done = migrate(tenants_url)
    assert done["acme"].line.startswith("acme: FAILED at an unknown revision: ")
    assert done[TENANTS[1]] == Upgrade(TENANTS[1], HEAD, HEAD)


def test_a_tenant_that_is_dropped_meanwhile_does_not_come_again(tenants_url: URL) -> None:
    migrate(tenants_url, revision=PREVIOUS, down=True)
    upgrades = upgrade_tenants(
        tenants_url, list(tenants_of(tenants_url).values()), SETTINGS, jobs=1
    )
    drop_tenant(tenants_url, "acme", SETTINGS)
    done = {each.tenant: each for each in upgrades}
    assert "dropped meanwhile?" in str(done["acme"].failure)
    assert done[TENANTS[1]].failure is None
    assert revisions_of(tenants_url) == {TENANTS[1]: HEAD}


def test_a_locked_tenant_keeps_no_other_waiting(tenants_url: URL) -> None:
    with connect(tenants_url) as holder, holder.transaction():
        holder.execute("lock table acme.gmaps_alembic_version in access exclusive mode")
        started = time.monotonic()
        found = tenants_of(tenants_url)
        assert time.monotonic() - started < 10
    assert "lock timeout" in str(found["acme"].problem)
    assert found[TENANTS[1]].revision == HEAD
