"""Where the database to compare with comes from, and that it is gone afterwards."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy.engine import URL

from app.drift import ShadowError, find_drift, shadow
from app.embedded_server import EmbeddedServerError
from app.settings import Settings
from tests.drift.conftest import SETTINGS, Execute
from tests.migrations.catalog import connect

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
    assert told == ["making a shadow database of revision 0002"]
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
    report = find_drift(url, Settings(_env_file=None, app_role=None), tell=told.append)
    # Everything that was granted to the tests' role, and nothing of the owners.
    assert {item.kind for item in report.differences} <= {"grant"}
    assert told == ["making a shadow database of revision 0002"]


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
    assert report.revision == "0002"
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
    assert told == ["making a shadow database of revision 0002"]


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
    wanted = shadow.Wanted("0002", 12, [], SETTINGS)
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
