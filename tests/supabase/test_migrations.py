"""`campaigndb supabase migrations` writes files that the Supabase CLI and the SQL editor take."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import URL

from campaigndb.migrations.commands import offline_script, upgrade
from campaigndb.migrations.configuration import ALEMBIC_FOLDER
from campaigndb.migrations.supabase import write_migrations
from campaigndb.settings import Settings
from tests.migrations.catalog import connect, snapshot
from tests.migrations.databases import new_database
from tests.supabase.test_javascript_runtimes import RUNTIMES

SETTINGS = Settings(_env_file=None)
REVISIONS = sorted(path.name[:4] for path in (ALEMBIC_FOLDER / "versions").glob("*.py"))
CLI = RUNTIMES / "node_modules/@supabase/cli-linux-x64/bin/supabase"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "supabase" / "migrations"


@pytest.fixture
def cli(tmp_path: Path) -> Callable[..., str]:
    """The Supabase CLI in `tmp_path`; its output."""
    program = os.environ.get("CAMPAIGNDB_SUPABASE_CLI") or (CLI if CLI.exists() else None)
    if program is None:
        program = shutil.which("supabase")
    if program is None:
        pytest.skip(f"the Supabase CLI is not installed: npm ci in {RUNTIMES}")

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [program, *arguments, "--yes", "--agent", "no"],
            cwd=tmp_path,
            env={**os.environ, "HOME": str(tmp_path), "DO_NOT_TRACK": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def test_each_revision_has_a_file_once_and_new_ones_come_last(folder: Path) -> None:
    first = write_migrations(folder, SETTINGS)
    assert [path.name.split("_")[2] for path in first] == REVISIONS
    assert sorted(folder.iterdir()) == first
    assert write_migrations(folder, SETTINGS) == []

    first[-1].unlink()
    late = folder / "29990101000000_of_the_users_own.sql"
    late.write_text("select 1;")
    [again] = write_migrations(folder, SETTINGS)
    assert again.name.startswith(f"29990101000001_campaigndb_{REVISIONS[-1]}_")


def test_a_schema_that_is_there_gets_the_later_ones(folder: Path) -> None:
    written = write_migrations(folder, SETTINGS, after=REVISIONS[-3])
    assert [path.name.split("_")[2] for path in written] == REVISIONS[-2:]
    with pytest.raises(ValueError, match="there is no revision 9999"):
        write_migrations(folder, SETTINGS, after="9999")


def test_pasted_into_the_sql_editor_they_give_the_catalog_of_an_upgrade_and_nothing_twice(
    server_url: URL, folder: Path
) -> None:
    files = write_migrations(folder, SETTINGS)
    with new_database(server_url) as pasted, new_database(server_url) as upgraded:
        upgrade(upgraded, settings=SETTINGS)
        with connect(pasted) as connection:
            for path in files:
                # One message, as the editor sends it: an index cannot be built concurrently in it.
                connection.execute(path.read_bytes())
                assert connection.execute("show search_path").fetchone() == ('"$user", public',)
            assert snapshot(pasted) == snapshot(upgraded)
            whole = offline_script("upgrade", "head", SETTINGS).encode()
            for script in (whole, *(path.read_bytes() for path in files[-2:])):
                with pytest.raises(psycopg.errors.RaiseException, match=f"at {REVISIONS[-1]}"):
                    connection.execute(script)
                connection.execute("rollback")
            assert snapshot(pasted) == snapshot(upgraded)


def test_no_statement_ends_where_a_body_does_not(folder: Path) -> None:
    bare = re.compile(r"^begin atomic$", re.MULTILINE)
    for path in write_migrations(folder, SETTINGS):
        text = path.read_text(encoding="utf-8")
        assert len(bare.findall(text)) == len(bare.findall("".join(WRAPPED.findall(text))))


WRAPPED = re.compile(r"execute \$create\$.*?\$create\$", re.DOTALL)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("one_file", [False, True], ids=["a file a revision", "one script"])
def test_the_cli_pushes_them_once(
    server_url: URL, folder: Path, cli: Callable[..., str], one_file: bool
) -> None:
    if one_file:
        folder.mkdir(parents=True)
        script = offline_script("upgrade", "head", SETTINGS)
        (folder / "20260101000000_campaigndb.sql").write_text(script, encoding="utf-8")
    else:
        write_migrations(folder, SETTINGS)
    (folder / "29990101000000_of_the_users_own.sql").write_text("create table mine (id int);")
    with new_database(server_url) as pushed, new_database(server_url) as upgraded:
        upgrade(upgraded, settings=SETTINGS)
        address = pushed.set(drivername="postgresql", query={"sslmode": "disable"})
        target = f"--remote={address.render_as_string(hide_password=False)}"
        assert "29990101000000" in cli("db", "push", target)
        with connect(pushed) as connection:
            connection.execute("drop table mine")
        found, expected = snapshot(pushed), snapshot(upgraded)
        assert found == expected
        assert "up to date" in cli("db", "push", target)
