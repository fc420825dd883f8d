"""A checkout may lie in a folder of any name, also of one that a configuration file would read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.migrations.programs import clean_environment
from tests.support.project_copy import Copy


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    folder = tmp_path / "100%b %(x)s %%"
    folder.mkdir()
    return Copy(folder)


@pytest.fixture
def environment(empty_database: URL) -> dict[str, str]:
    address = empty_database.set(drivername="postgresql").render_as_string(hide_password=False)
    return {"DATABASE_URL": address}


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("drift --keep-shadow", "no drift"),
        ("tenant create acme", "The tenant acme"),
        ("report --no-drift --html -", "</html>"),
    ],
)
def test_the_command_line_works_there(
    copy: Copy, environment: dict[str, str], command: str, told: str
) -> None:
    for arguments, expected in (("db migrate", "is at revision"), (command, told)):
        done = copy.run(*arguments.split(), **environment)
        assert (done.returncode, done.stderr) == (0, "")
        assert expected in done.stdout


@pytest.mark.parametrize("command", ["upgrade head", "upgrade head --sql", "history", "check"])
def test_so_does_alembic(copy: Copy, environment: dict[str, str], command: str) -> None:
    elsewhere = copy.folder / "app" / "campaigndb" / "cli"
    commands = [("upgrade head", copy.folder, ()), (command, copy.folder, ())]
    commands.append((command, elsewhere, ("-c", str(copy.folder / "alembic.ini"))))
    for arguments, folder, options in commands:
        done = subprocess.run(
            [Path(sys.executable).with_name("alembic"), *options, *arguments.split()],
            cwd=folder,
            env=clean_environment() | environment | {"PYTHONPATH": os.fspath(copy.folder)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
