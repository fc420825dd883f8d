"""The project's roles: what gives them more than their share."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from psycopg.sql import SQL, Identifier
from sqlalchemy.engine import URL

from campaigndb.migrations.commands import upgrade
from campaigndb.operations.drift import DriftReport, find_drift
from campaigndb.settings import Settings
from tests.drift.conftest import Execute
from tests.migrations.catalog import connect


@pytest.fixture
def role(server_url: URL, database_url: URL) -> Iterator[str]:
    """An application role of this test's own, as roles belong to the whole server."""
    name = f'drift "{uuid.uuid4().hex[:8]}'
    with connect(server_url) as connection:
        connection.execute(SQL("create role {} login").format(Identifier(name)))
    upgrade(database_url, settings=Settings(_env_file=None, app_role=name))
    yield name
    for url in (database_url, server_url):
        with connect(url) as connection:
            connection.execute(SQL("drop owned by {}").format(Identifier(name)))
    with connect(server_url) as connection:
        connection.execute(SQL("drop role {}").format(Identifier(name)))


def drift_of(url: URL, role: str) -> DriftReport:
    return find_drift(url, Settings(_env_file=None, app_role=role))


def test_a_role_with_nothing_but_its_functions_is_as_expected(database_url: URL, role: str) -> None:
    # The test's template was granted to another role, which this one's shadow does not have.
    differences = drift_of(database_url, role).differences
    assert {item.kind for item in differences} == {"grant"}
    assert not [item for item in differences if role in item.name]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("alter role {} superuser", "superuser: expected no, found yes"),
        ("alter role {} createrole", "creates roles: expected no, found yes"),
        ("alter role {} createdb", "creates databases: expected no, found yes"),
        ("alter role {} replication", "replicates: expected no, found yes"),
        ("alter role {} bypassrls", "bypasses row security: expected no, found yes"),
        ("alter role {} nologin", "logs in: expected yes, found no"),
        ("alter role {} connection limit 1", "connection limit: expected none, found 1"),
        (
            "alter role {} valid until '2020-01-01 00:00 UTC'",
            "valid until: expected none, found 2020-01-01 00:00:00+00",
        ),
        ("grant {} to pg_monitor", "members: expected none, found pg_monitor"),
        ("grant pg_read_all_data to {}", "member of: expected none, found pg_read_all_data"),
    ],
)
def test_what_gives_a_role_more_is_found_and_its_mend_mends_it(
    change: str, told: str, database_url: URL, role: str, execute: Execute
) -> None:
    quoted = SQL("{}").format(Identifier(role)).as_string()
    execute(change.replace("{}", quoted))
    found = [item for item in drift_of(database_url, role).differences if item.kind == "role"]
    line = [item.line for item in found if item.line == f"role {quoted}: {told}"]
    assert line, found
    for item in found:
        if item.mend is not None:
            execute(item.mend)
    assert not [item for item in drift_of(database_url, role).differences if item.kind == "role"]


def test_the_right_to_make_schemas_is_found(database_url: URL, role: str, execute: Execute) -> None:
    quoted = SQL("{}").format(Identifier(role)).as_string()
    execute(f"grant create on database {database_url.database} to {quoted}")
    lines = [item.line for item in drift_of(database_url, role).differences]
    assert f"role {quoted}: creates schemas: expected no, found yes" in lines


def test_what_is_set_for_a_role_is_found_without_an_unknown_settings_value(
    database_url: URL, role: str, execute: Execute
) -> None:
    quoted = SQL("{}").format(Identifier(role)).as_string()
    execute(f"alter role {quoted} set search_path to 'elsewhere'")
    execute(f"alter role {quoted} set app.jwt_secret to 'do not tell'")
    found = {
        item.name: item
        for item in drift_of(database_url, role).differences
        if item.kind == "setting"
    }
    assert found[f"search_path of role {quoted}"].line.endswith("there (found elsewhere)")
    assert "do not tell" not in found[f"app.jwt_secret of role {quoted}"].line
    assert found[f"search_path of role {quoted}"].mend == f"alter role {quoted} reset search_path"


def test_a_role_that_does_not_exist_is_missing(database_url: URL) -> None:
    lines = [item.line for item in drift_of(database_url, "nobody at all").differences]
    assert 'role "nobody at all": expected, but missing' in lines
