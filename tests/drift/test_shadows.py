"""Where the database to compare with comes from, and that it is gone afterwards."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from psycopg import pq
from sqlalchemy import Connection
from sqlalchemy.engine import URL
from typer.testing import CliRunner

from campaigndb.cli.main import app as app
from campaigndb.embedded_server import EmbeddedServerError
from campaigndb.operations.drift import ShadowError, find_drift, shadow
from campaigndb.operations.drift.snapshot import read_snapshot
from campaigndb.settings import Settings, sqlalchemy_url
from tests.drift.conftest import SETTINGS, Execute
from tests.migrations.catalog import connect
from tests.migrations.programs import clean_environment
from tests.support.revisions import HEAD
from tests.support.waiting import wait_until

PASSWORD = "of-a-throw-away-server"


@pytest.fixture
def role(server_url: URL, database_url: URL, execute: Execute) -> Iterator[str]:
    """A role whose name no other test's shadow is made for."""
    name = f"shadow_test_{uuid.uuid4().hex[:8]}"
    with connect(server_url) as connection:
        connection.execute(f"create role {name} login password '{PASSWORD}'")
    execute(f"grant select on gmaps_alembic_version to {name}")
    yield name
    execute(f"drop owned by {name}")
    with connect(server_url) as connection:
        for (database,) in connection.execute(
            "select distinct d.datname from pg_database as d join pg_shdepend as s"
            " on d.oid in (s.dbid, s.objid)"
            " where s.refobjid = to_regrole(%s) and d.datname like 'campaigndb_shadow_%%'",
            [name],
        ).fetchall():
            connection.execute(f"drop database if exists {database}")
        connection.execute(f"drop role {name}")


def shadows(server: URL) -> set[str]:
    with connect(server) as connection:
        return {
            name
            for (name,) in connection.execute(
                "select datname from pg_database where datname like 'campaigndb_shadow_%%'", []
            )
        }


def settings_for(role: str) -> Settings:
    """Its own shadow: the differences do not matter here."""
    return Settings(_env_file=None, app_role=role)


def test_on_the_same_server_it_is_made_and_dropped(
    database_url: URL, server_url: URL, role: str
) -> None:
    told: list[str] = []
    find_drift(database_url, settings_for(role), tell=told.append)
    assert told == [f"making a shadow database of revision {HEAD}"]
    find_drift(database_url, settings_for(role), tell=told.append)
    assert len(told) == 2  # it was not left for the second time


def test_it_is_kept_on_request_and_found_again_in_no_time(database_url: URL, role: str) -> None:
    told: list[str] = []
    find_drift(database_url, settings_for(role), keep_shadow=True, tell=told.append)
    started = time.monotonic()
    find_drift(database_url, settings_for(role), tell=told.append)
    assert time.monotonic() - started < 2
    assert len(told) == 1


def test_a_role_that_may_create_databases_makes_its_own(
    database_url: URL, server_url: URL, role: str, execute: Execute
) -> None:
    execute(f"alter role {role} createdb")
    url = database_url.set(username=role, password=PASSWORD)
    told: list[str] = []
    report = find_drift(url, settings_for(role), tell=told.append)
    # What was granted to the tests' role, and that this one may create databases; nothing of the
    # owners.
    assert {item.kind for item in report.differences} <= {"grant", "role"}
    assert told == [f"making a shadow database of revision {HEAD}"]


def test_a_role_that_may_not_create_one_gets_it_from_an_embedded_server(
    database_url: URL, role: str
) -> None:
    url = database_url.set(username=role, password=PASSWORD)
    told: list[str] = []
    started = time.monotonic()
    report = find_drift(url, replace(SETTINGS, owner_role=database_url.username), tell=told.append)
    assert time.monotonic() - started < 10
    assert report.revision == HEAD
    if told:  # no other test has left a shadow yet
        assert told[0].startswith("starting an embedded PostgreSQL")


def test_an_embedded_server_serves_roles_and_rights_of_the_live_one(
    database_url: URL, role: str
) -> None:
    wanted_settings = settings_for(role)
    url = database_url.set(username=role, password=PASSWORD)
    told: list[str] = []
    report = find_drift(url, wanted_settings, tell=told.append)
    assert told[0].startswith("starting an embedded PostgreSQL")
    missing = {item.name for item in report.differences if item.problem == "missing"}
    assert any(name.endswith(f"to {role}") for name in missing)


def test_another_server_can_be_named(database_url: URL, server_url: URL, role: str) -> None:
    url = database_url.set(username=role, password=PASSWORD)
    told: list[str] = []
    find_drift(url, settings_for(role), shadow_server=server_url, tell=told.append)
    assert told == [f"making a shadow database of revision {HEAD}"]


@pytest.mark.parametrize(
    ("embedded", "said"),
    [
        (lambda _: 12, "the embedded server is of version 12"),
        (None, "no embedded server starts (no programs)"),
    ],
)
def test_without_any_of_them_it_refuses_and_says_what_to_do(
    embedded: object, said: str, database_url: URL, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_: object) -> int:
        raise EmbeddedServerError("no programs")

    monkeypatch.setattr(shadow, "embedded_major_version", embedded or none)
    url = database_url.set(username=role, password=PASSWORD)
    with pytest.raises(ShadowError) as caught:
        find_drift(url, settings_for(role))
    assert said in str(caught.value)
    assert "--shadow-url" in str(caught.value)


def test_a_server_of_another_version_is_refused(
    database_url: URL, server_url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = shadow.Wanted(HEAD, 12, [], SETTINGS)
    with (
        pytest.raises(ShadowError, match="different versions cannot be compared"),
        shadow.shadow_database(wanted, database_url, server=server_url),
    ):
        pass


def test_a_migration_that_fails_leaves_no_shadow(
    database_url: URL, server_url: URL, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[URL] = []

    def fail(url: URL, *_: object) -> None:
        made.append(url)
        raise RuntimeError("no migration")

    monkeypatch.setattr(shadow, "upgrade", fail)
    with pytest.raises(RuntimeError, match="no migration"):
        find_drift(database_url, settings_for(role))
    assert made[0].database not in shadows(server_url)


def test_an_address_that_names_its_database_in_the_query_is_not_migrated(
    database_url: URL, role: str, execute: Execute
) -> None:
    """The query's name wins in the driver, so the shadow's address would be the live one's."""
    execute("create table extra ()")
    url = database_url.set(database=None).update_query_dict({"dbname": database_url.database})
    assert sqlalchemy_url(url) == database_url
    with pytest.raises(ShadowError, match="leads to the database"):
        find_drift(url.set(database="postgres"), settings_for(role))


def test_a_shadow_of_somebody_who_is_not_trusted_is_refused(
    server_url: URL, database_url: URL, role: str
) -> None:
    wanted = shadow.Wanted(HEAD, 18, [], settings_for(role))
    with connect(server_url) as connection:
        connection.execute(f"create database {wanted.database} owner {role}")
    with (
        pytest.raises(ShadowError, match=f"belongs to {role}, who is not to be trusted"),
        shadow.shadow_database(wanted, database_url, may_create=True),
    ):
        pass


def test_a_comparison_that_is_terminated_leaves_no_shadow(
    database_url: URL, server_url: URL, role: str, execute: Execute
) -> None:
    execute(f"alter role {role} createdb")
    url = database_url.set(drivername="postgresql", username=role, password=PASSWORD)
    program = subprocess.Popen(
        [sys.executable, "-m", "campaigndb.cli", "drift"],
        env=clean_environment()
        | {
            "DATABASE_URL": url.render_as_string(hide_password=False),
            # A shadow that no other test keeps.
            "CAMPAIGNDB_APP_ROLE": role,
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with connect(server_url) as connection:

        def made() -> int:
            query = "select count(*) from pg_database where datdba = to_regrole(%s)"
            return int(connection.execute(query, [role]).fetchone()[0])  # type: ignore[index]

        deadline = time.monotonic() + 20
        while not made():
            assert program.poll() is None
            assert time.monotonic() < deadline
        program.terminate()
        assert program.wait(timeout=20) == 143
        assert made() == 0


def test_a_signal_whose_exception_is_lost_is_told_at_the_end(monkeypatch, database_url) -> None:
    """Python prints and drops an exception that a handler raises while a finalizer runs."""

    def found(*_arguments: object, **_options: object) -> None:
        with contextlib.suppress(SystemExit):
            signal.raise_signal(signal.SIGTERM)

    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    monkeypatch.setattr("campaigndb.cli.drift.find_drift", found)
    monkeypatch.setenv("DATABASE_URL", database_url.render_as_string(hide_password=False))
    try:
        result = CliRunner().invoke(app, ["drift"])
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert result.exit_code == 128 + signal.SIGTERM


def test_a_login_that_was_interrupted_does_not_hold_up_the_end(
    monkeypatch, database_url: URL, server_url: URL, role: str, execute: Execute
) -> None:
    """DROP DATABASE waits for whoever is about to log in, on any database: up to a minute."""
    execute(f"alter role {role} createdb")
    live = database_url.set(drivername="postgresql", username=role, password=PASSWORD)

    made: list[str | None] = []

    def interrupted(url: URL) -> None:
        made.append(url.database)
        address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        login = pq.PGconn.connect_start(address.encode())
        deadline = time.monotonic() + 10
        while login.status != pq.ConnStatus.AWAITING_RESPONSE:
            assert time.monotonic() < deadline
            assert login.connect_poll() != pq.PollingStatus.FAILED
            time.sleep(0.002)
        time.sleep(0.2)
        raise SystemExit(143)

    monkeypatch.setattr(shadow, "_check_name", interrupted)
    started = time.monotonic()
    with pytest.raises(SystemExit):
        find_drift(sqlalchemy_url(live), settings_for(role))
    assert time.monotonic() - started < 20
    # Other tests have shadows on the same server.
    assert len(made) == 1
    assert made[0] not in shadows(server_url)


def test_a_shadow_that_cannot_be_dropped_does_not_cost_the_comparison(
    monkeypatch: pytest.MonkeyPatch,
    database_url: URL,
    server_url: URL,
    role: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Somebody looks at it, longer than DROP DATABASE waits; the next run removes it."""
    visitors: list[Any] = []
    made: list[str] = []

    def visited(connection: Connection, *arguments: Any) -> Any:
        name = str(connection.engine.url.database)
        if name.startswith(shadow.PREFIX):
            made.append(name)
            visitors.append(connect(server_url.set(database=name)))
            visitors[-1].__enter__()
        return read_snapshot(connection, *arguments)

    monkeypatch.setattr("campaigndb.operations.drift.drift.read_snapshot", visited)
    report = find_drift(database_url, settings_for(role))
    assert report.revision == HEAD
    assert made[0] in shadows(server_url)
    assert f"the shadow database {made[0]} is left for the next comparison" in caplog.text
    for visitor in visitors:
        visitor.__exit__(None, None, None)
    monkeypatch.undo()
    find_drift(database_url, settings_for(role))
    assert made[0] not in shadows(server_url)


def test_what_a_killed_comparison_left_is_removed_by_the_next(
    database_url: URL, server_url: URL, role: str, execute: Execute
) -> None:
    execute(f"alter role {role} createdb")
    url = database_url.set(drivername="postgresql", username=role, password=PASSWORD)
    program = subprocess.Popen(
        [sys.executable, "-m", "campaigndb.cli", "drift"],
        env=clean_environment()
        | {
            "DATABASE_URL": url.render_as_string(hide_password=False),
            "CAMPAIGNDB_APP_ROLE": role,
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with connect(server_url) as connection:

        def made() -> list[str]:
            query = "select datname from pg_database where datdba = to_regrole(%s)"
            return [name for (name,) in connection.execute(query, [role]).fetchall()]

        wait_until(lambda: bool(made()), timeout=20)
        program.kill()
        program.wait()
        wait_until(
            lambda: (
                not connection.execute(
                    "select from pg_stat_activity where usename = %s", [role]
                ).fetchall()
            )
        )
        find_drift(url.set(drivername="postgresql+psycopg"), settings_for(role))
        assert made() == []


def test_a_shadow_that_another_comparison_uses_is_not_removed(
    database_url: URL, server_url: URL, role: str
) -> None:
    name = f"{shadow.PREFIX}{uuid.uuid4().hex}"
    with connect(server_url) as owner:
        owner.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [name])
        owner.execute(f"create database {name}")
        find_drift(database_url, settings_for(role))
        assert name in shadows(server_url)
    find_drift(database_url, settings_for(role))
    assert name not in shadows(server_url)


def test_an_autovacuum_worker_in_the_shadow_does_not_keep_it(
    monkeypatch: pytest.MonkeyPatch,
    database_url: URL,
    server_url: URL,
    role: str,
    execute: Execute,
) -> None:
    """A role that is no superuser may not end such a worker by DROP DATABASE … WITH (FORCE)."""
    execute(f"alter role {role} createdb")
    made: list[str] = []

    def vacuumed(url: URL, *_: object) -> None:
        made.append(str(url.database))
        with connect(url) as connection:
            connection.execute(
                "create table slow with (autovacuum_vacuum_cost_delay = 100,"
                " autovacuum_vacuum_cost_limit = 1, autovacuum_vacuum_insert_threshold = 1) as"
                " select n, repeat('x', 100) as filling from generate_series(1, 100000) as n"
            )
            connection.execute("delete from slow where n % 2 = 0")
        with connect(server_url) as connection:
            wait_until(
                lambda: bool(
                    connection.execute(
                        "select from pg_stat_activity"
                        " where datname = %s and backend_type = 'autovacuum worker'",
                        [made[0]],
                    ).fetchall()
                ),
                timeout=60,
            )
        raise RuntimeError("enough")

    monkeypatch.setattr(shadow, "upgrade", vacuumed)
    with connect(server_url) as connection:
        connection.execute("alter system set autovacuum_naptime = '1s'")
        connection.execute("select pg_reload_conf()")
    try:
        with pytest.raises(RuntimeError, match="enough"):
            find_drift(database_url.set(username=role, password=PASSWORD), settings_for(role))
    finally:
        with connect(server_url) as connection:
            connection.execute("alter system reset autovacuum_naptime")
            connection.execute("select pg_reload_conf()")
    assert made[0] not in shadows(server_url)


@pytest.mark.parametrize(
    ("grant", "keep"),
    [("grant set on parameter pg_stat_statements.track to {role}", False), (None, True)],
    ids=["by a role that may switch it off", "with a shadow that is kept"],
)
def test_a_comparison_adds_nothing_to_pg_stat_statements(
    grant: str | None, keep: bool, database_url: URL, server_url: URL, role: str, execute: Execute
) -> None:
    execute("create schema monitoring")
    execute("create extension pg_stat_statements schema monitoring")
    # Entries of other tests could fill the view, which then drops the oldest ones.
    execute("select monitoring.pg_stat_statements_reset()")
    execute(f"alter role {role} createdb")
    if grant is not None:
        execute(grant.format(role=role))
    url = database_url.set(username=role, password=PASSWORD)

    def entries() -> int:
        with connect(database_url) as connection:
            [(count,)] = connection.execute(
                "select count(*) from monitoring.pg_stat_statements where userid = to_regrole(%s)",
                [role],
            ).fetchall()
        return int(count)

    # The first one makes the shadow, the second one may find it kept.
    find_drift(url, settings_for(role), keep_shadow=keep)
    assert keep or entries() < 20
    find_drift(url, settings_for(role), keep_shadow=keep)
    before = entries()
    find_drift(url, settings_for(role), keep_shadow=keep)
    assert entries() == before
