"""`alembic upgrade --sql` and `downgrade --sql` print what the online commands do."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import URL

from campaigndb.migrations.commands import downgrade, offline_script, upgrade
from campaigndb.settings import Settings
from tests.migrations.catalog import connect, snapshot
from tests.migrations.databases import new_role
from tests.migrations.programs import Alembic, psql

SETTINGS = Settings(_env_file=None)


def test_the_scripts_applied_by_psql_give_the_catalog_of_the_online_commands(
    alembic: Alembic, empty_database: URL, second_database: URL
) -> None:
    script = alembic("upgrade", "head", "--sql")
    assert script.returncode == 0, script.stderr
    applied = psql(empty_database, script.stdout)
    assert (applied.returncode, applied.stderr) == (0, "")
    upgrade(second_database, settings=SETTINGS)
    assert snapshot(empty_database) == snapshot(second_database)

    script = alembic("downgrade", "head:base", "--sql")
    assert script.returncode == 0, script.stderr
    applied = psql(empty_database, script.stdout)
    assert (applied.returncode, applied.stderr) == (0, "")
    downgrade(second_database, "base", settings=SETTINGS)
    assert snapshot(empty_database) == snapshot(second_database)


def test_the_script_runs_as_one_message_of_a_driver(
    empty_database: URL, second_database: URL
) -> None:
    with connect(empty_database) as connection:
        connection.execute(offline_script("upgrade", "head", SETTINGS).encode())
    upgrade(second_database, settings=SETTINGS)
    assert snapshot(empty_database) == snapshot(second_database)


def test_another_schema_an_owner_and_odd_role_names_are_in_the_script(
    server_url: URL, empty_database: URL, second_database: URL, tmp_path: Path
) -> None:
    schema = "Tenant-7$x"
    odd = """o'dd "Näme" 100%% \\:x :y"""
    with (
        new_role(server_url, f"owner {odd}", "nologin") as owner,
        new_role(server_url, f"app {odd}") as app_role,
    ):
        settings = Settings(_env_file=None, schema_name=schema, owner_role=owner, app_role=app_role)
        try:
            for database in (empty_database, second_database):
                with connect(database) as connection:
                    quoted = owner.replace('"', '""')
                    connection.execute(
                        f'grant create on database {database.database} to "{quoted}"'.encode()
                    )
            applied = psql(empty_database, offline_script("upgrade", "head", settings))
            assert (applied.returncode, applied.stderr) == (0, "")
            upgrade(second_database, settings=settings)
            assert snapshot(empty_database, schema) == snapshot(second_database, schema)
            assert snapshot(empty_database, schema)["functions"] != []
            assert snapshot(empty_database)["relations"] == []
        finally:
            drop_owned(empty_database, owner, app_role)
            drop_owned(second_database, owner, app_role)


def drop_owned(database: URL, *roles: str) -> None:
    with connect(database) as connection:
        for role in roles:
            quoted = role.replace('"', '""')
            connection.execute(f'drop owned by "{quoted}" cascade'.encode())


def test_a_script_for_a_role_that_is_missing_leaves_nothing_behind(
    empty_database: URL,
) -> None:
    settings = Settings(_env_file=None, app_role="nobody-made-me", schema_name="tenant")
    before = snapshot(empty_database, "tenant")
    applied = psql(empty_database, offline_script("upgrade", "head", settings))
    assert applied.returncode != 0
    assert 'the role "nobody-made-me" (CAMPAIGNDB_APP_ROLE) does not exist' in applied.stderr
    assert snapshot(empty_database, "tenant") == before
    assert before["schema"] == []


def test_a_script_needs_no_server(alembic: Alembic) -> None:
    url = "postgresql://nobody:secret@127.0.0.1:1/nothing"
    script = alembic("downgrade", "head:base", "--sql", url=url)
    assert script.returncode == 0, script.stderr
    assert "secret" not in script.stdout + script.stderr
    assert "COMMIT;\n\nRESET search_path;" in script.stdout
