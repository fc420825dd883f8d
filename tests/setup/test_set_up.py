"""`make setup` says in one line what is missing, and lets no environment lead it astray."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
MAKE = shutil.which("make") or "make"

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What set-up needs of the project, in a folder with a space."""
    folder = tmp_path / "a checkout"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(PROJECT / name, folder)
    shutil.copytree(PROJECT / "scripts", folder / "scripts")
    return folder


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A PATH with the shell's tools and no Python."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("sh", "cat", "cksum", "env"):
        program = shutil.which(name)
        assert program is not None
        (folder / name).symlink_to(program)
    return folder


def fake_python(folder: Path, script: str) -> None:
    python = folder / "python3"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)


def make(
    checkout: Path, *arguments: str, path: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        [MAKE, "--no-print-directory", *arguments],
        cwd=checkout,
        env=own | ({"PATH": str(path)} if path else {}) | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def only_line(result: subprocess.CompletedProcess[str]) -> str:
    """The one line on stderr, less make's own last word."""
    assert result.returncode != 0
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if ": *** [" not in line]
    assert len(lines) == 1, result.stderr
    return lines[0]


def test_a_missing_python(checkout: Path, programs: Path) -> None:
    line = only_line(make(checkout, "setup", path=programs))
    assert line.startswith("make setup: python3 was not found: install Python 3.11")


def test_a_python_that_does_not_run(checkout: Path, programs: Path) -> None:
    fake_python(programs, "exit 127")
    assert "python3 does not run" in only_line(make(checkout, "test", path=programs))


@pytest.mark.parametrize("version", ["2.7.18", "3.9.18", "3.10.13"])
def test_an_old_python(version: str, checkout: Path, programs: Path) -> None:
    fake_python(programs, f"echo {version}")
    line = only_line(make(checkout, "demo", path=programs))
    assert f"python3 is Python {version}, and 3.11 or newer is needed" in line
    assert not (checkout / ".venv").exists()


def test_a_python_without_venv(checkout: Path, programs: Path) -> None:
    fake_python(programs, 'case "$2" in *ensurepip*) exit 1;; esac; echo 3.11.2')
    line = only_line(make(checkout, "setup", path=programs))
    assert "apt-get install python3-venv" in line


def test_a_package_that_pip_does_not_find(checkout: Path) -> None:
    nothing = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}
    result = make(checkout, "setup", f"PYTHON={sys.executable}", **nothing)
    lines = [line for line in result.stderr.splitlines() if line.startswith("make setup: ")]
    assert len(lines) == 1, result.stderr
    assert "pip could not install the packages: Cannot install hatchling" in lines[0]
    # Half-made: the next run starts anew.
    assert not (checkout / ".venv" / "set-up").exists()


def test_a_revision_without_a_message(checkout: Path, programs: Path) -> None:
    stand_in = checkout / "scripts" / "setup.sh"
    stand_in.write_text("exit 0\n")
    line = only_line(make(checkout, "revision", path=programs))
    assert line.startswith("make revision: say what changes")


def test_every_target_is_explained(checkout: Path) -> None:
    listed = make(checkout).stdout
    for target in ("setup", "demo", "test", "check", "bench", "torture", "revision", "help"):
        assert f"make {target} " in listed


def test_the_environment_names_no_other_database(checkout: Path) -> None:
    (checkout / "probe.mk").write_text("probe:\n\t@env\n")
    misleading = {
        "DATABASE_URL": "postgresql://somebody@production/db",
        "CAMPAIGNDB_SCHEMA": "tenant",
        "CAMPAIGNDB_APP_ROLE": "app",
        "PGHOSTADDR": "192.0.2.1",
        "PGOPTIONS": "-c search_path=tenant",
        "PYTHONPATH": "/elsewhere",
    }
    arguments = ("-f", "Makefile", "-f", "probe.mk", "probe", "PG_BIN=/pg 15/bin")

    printed = make(checkout, *arguments, **misleading, CAMPAIGNDB_DATA_DIR="/data").stdout

    seen = dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)
    assert not misleading.keys() & seen.keys()
    assert seen["CAMPAIGNDB_PG_BIN"] == "/pg 15/bin"
    assert seen["CAMPAIGNDB_DATA_DIR"] == "/data"
