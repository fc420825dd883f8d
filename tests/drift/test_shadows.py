"""Where the database to compare with comes from, and that it is gone afterwards."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator

import pytest
from psycopg import pq
from sqlalchemy.engine import URL
from typer.testing import CliRunner

from app.cli.main import app as app
from app.drift import ShadowError, find_drift, shadow
from app.embedded_server import EmbeddedServerError
from app.settings import Settings, sqlalchemy_url
from tests.drift.conftest import SETTINGS, Execute
from tests.migrations.catalog import connect
from tests.migrations.programs import clean_environment
from tests.revisions import HEAD

PASSWORD = "of-a-throw-away-server"


@pytest.fixture
def role(server_url: URL, database_url: URL, execute: Execute) -> Iterator[str]:
    """A role whose name no other test's shadow is made for."""
    name = f"shadow_test_{uuid.uuid4().hex[:8]}"
    with connect(server_url) as connection:
        connection.execute(f"create role {name} login password '{PASSWORD}'")
    execute(f"grant select on alembic_version to {name}")
    yield name
    execute(f"drop owned by {name}")
    with connect(server_url) as connection:
        for (database,) in connection.execute(
            "select distinct d.datname from pg_database as d join pg_shdepend as s"
            " on d.oid in (s.dbid, s.objid)"
            " where s.refobjid = to_regrole(%s) and d.datname like 'campaigndb_shadow_%%'",
            [name],
        ).fetchall():
            connection.execute(f"drop database {database} with (force)")
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
    report = find_drift(
        url, SETTINGS.model_copy(update={"owner_role": database_url.username}), tell=told.append
    )
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
        [sys.executable, "-m", "app.cli", "drift"],
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
    monkeypatch.setattr("app.cli.drift.find_drift", found)
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
