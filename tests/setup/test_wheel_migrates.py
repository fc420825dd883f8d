"""The installed wheel has the revisions: its command migrates without a checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.support.revisions import HEAD, PREVIOUS


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    return tmp_path / "site"


def test_every_command_of_db_that_alembic_has(installed: Path, database_url: URL) -> None:
    address = database_url.set(drivername="postgresql").render_as_string(hide_password=False)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("CAMPAIGNDB_")
    } | {"PYTHONPATH": os.fspath(installed), "DATABASE_URL": address}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "campaigndb.cli", "db", *arguments],
            cwd=installed.parent,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    assert f"at revision {PREVIOUS}." in run("downgrade", "-1")
    assert run("current") == f"{PREVIOUS}\n"
    assert f"at revision {HEAD}." in run("migrate")
    assert f"at revision {HEAD}." in run("stamp", "head")
    assert f"{HEAD} (head)" in run("history")
    assert "CREATE TABLE gmaps_alembic_version" in run("migrate", "--sql")
    assert "grant execute" in run("grants", "--sql")
    found = subprocess.run(
        [sys.executable, "-c", "import campaigndb; print(campaigndb.__file__)"],
        cwd=installed.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()).is_relative_to(installed)
