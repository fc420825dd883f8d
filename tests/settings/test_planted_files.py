"""A `.env` or `.campaigndb` that another user may have planted in a parent folder is left out."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigndb.settings import env_file

NOBODY = pwd.getpwnam("nobody")
PROGRAM = """\
import os, sys
os.setgroups([]); os.setgid({gid}); os.setuid({uid})
os.chdir(sys.argv[1])
from campaigndb.settings import Settings, project_folder
print(Settings().app_role, project_folder())
"""
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that everybody may write to, as /tmp; it holds a folder of the user's."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:  # pytest's own is closed to others
        folder = Path(name).resolve()
        folder.chmod(0o1777)
        (folder / "home").mkdir()
        os.chown(folder / "home", NOBODY.pw_uid, NOBODY.pw_gid)
        yield folder


def run_as_nobody(folder: Path) -> tuple[list[str], str]:
    """The role that `.env` names and the project's folder; and what is said."""
    code = PROGRAM.format(uid=NOBODY.pw_uid, gid=NOBODY.pw_gid)
    # The modules are imported as root: the checkout may be closed to others.
    code = "import campaigndb.settings, dotenv, grp, logging, pwd\n" + code
    environment = {
        name: value
        for name, value in os.environ.items()
        if name != "DATABASE_URL" and not name.startswith("CAMPAIGNDB_")
    }
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.split(), done.stderr


def plant(folder: Path, owner: int, mode: int = 0o644) -> Path:
    file = folder / ".env"
    file.write_text("CAMPAIGNDB_APP_ROLE=planted\n")
    os.chown(file, owner, -1)
    file.chmod(mode)
    return file


def mark(folder: Path, owner: int) -> None:
    (folder / "pyproject.toml").touch()
    os.chown(folder / "pyproject.toml", owner, -1)


def test_one_in_a_folder_that_others_may_write_to(shared: Path) -> None:
    file = plant(shared, owner=1)
    mark(shared, owner=0)
    (role, folder), said = run_as_nobody(shared / "home")
    assert (role, folder != str(shared)) == ("None", True)
    assert said == f"{file} is left out: others may write to {shared}\n"

    (shared / "home" / "sub").mkdir()
    (shared / "home" / ".git").mkdir()
    (role, _), said = run_as_nobody(shared / "home" / "sub")
    assert role == "None"


@pytest.mark.parametrize(
    ("owner", "mode", "problem"),
    [(1, 0o644, "belongs to another user (number 1)"), (0, 0o666, "others may write to")],
)
def test_one_between_the_working_folder_and_the_projects_root(
    shared: Path, owner: int, mode: int, problem: str
) -> None:
    home = shared / "home"
    mark(home, NOBODY.pw_uid)
    (home / "sub").mkdir()
    file = plant(home, owner, mode)
    (role, folder), said = run_as_nobody(home / "sub")
    assert (role, folder) == ("None", str(home))
    (line,) = said.splitlines()
    assert line.startswith(f"{file} is left out: ")
    assert problem in line


def test_one_in_a_folder_of_another_users(shared: Path) -> None:
    home = shared / "home"
    mark(home, NOBODY.pw_uid)
    between = home / "others"
    (between / "sub").mkdir(parents=True)
    os.chown(between, 1, -1)
    file = plant(between, owner=NOBODY.pw_uid)
    (role, _), said = run_as_nobody(between / "sub")
    assert role == "None"
    assert f"{file} is left out: {between} belongs to another user (number 1)" in said


@pytest.mark.parametrize("owner", [0, NOBODY.pw_uid])
def test_the_users_own_and_roots_are_taken(shared: Path, owner: int) -> None:
    home = shared / "home"
    mark(home, NOBODY.pw_uid)
    (home / "sub").mkdir()
    plant(home, owner)
    assert run_as_nobody(home / "sub") == (["planted", str(home)], "")


def test_one_in_the_working_folder_is_taken_as_before(shared: Path) -> None:
    plant(shared, owner=1)
    (role, _), said = run_as_nobody(shared)
    assert (role, said) == ("planted", "")


def test_a_planted_server_is_no_projects(shared: Path) -> None:
    (shared / ".campaigndb").mkdir()
    os.chown(shared / ".campaigndb", 1, -1)
    (_, folder), said = run_as_nobody(shared / "home")
    assert folder != str(shared)
    assert said.startswith(f"{shared / '.campaigndb'} is left out: others may write to {shared}")


def test_a_group_that_others_may_be_in(shared: Path) -> None:
    home = shared / "home"
    mark(home, NOBODY.pw_uid)
    (home / "sub").mkdir()
    file = plant(home, NOBODY.pw_uid)
    os.chown(home, -1, 1)
    home.chmod(0o775)
    (role, _), said = run_as_nobody(home / "sub")
    assert role == "None"
    assert said == f"{file} is left out: others may write to {home}\n"


def test_a_group_of_the_users_own_is_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many systems give each user one, and folders that it may write to."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "sub").mkdir()
    file = plant(tmp_path, os.geteuid())
    tmp_path.chmod(0o775)
    monkeypatch.chdir(tmp_path / "sub")
    assert env_file() == file
