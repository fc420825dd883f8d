"""Virtual environments that tests install the wheel into."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
# What pip says where there is no network, or an index that holds nothing.
_NO_INDEX = re.compile(r"NewConnectionError|NameResolutionError|\(from versions: none\)")


def run(*arguments: str | Path, cwd: Path | str = "/", **environment: str) -> str:
    """The standard output of a program that succeeds and says nothing else."""
    done = subprocess.run(
        arguments,
        cwd=cwd,
        env=clean_environment() | environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def clean_environment() -> dict[str, str]:
    """The environment without settings of the project and of Python."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CAMPAIGNDB_", "PYTHON")) and name != "DATABASE_URL"
    }


class Environment:
    """A virtual environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        run(sys.executable, "-m", "venv", folder)
        self.python = folder / "bin" / "python"
        self.program = folder / "bin" / "campaigndb"

    def install(self, *wanted: str | Path) -> None:
        """Installs packages; where there is no index, the test is skipped."""
        pip = (self.python, "-m", "pip", "--no-input", "--disable-pip-version-check")
        installed = subprocess.run(
            [*pip, "install", "--quiet", *wanted],
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        if installed.returncode != 0 and _NO_INDEX.search(installed.stderr):
            pytest.skip("packages cannot be downloaded here")
        assert installed.returncode == 0, installed.stderr

    def packages(self) -> dict[str, str]:
        """The installed packages, less the installer, with their versions."""
        listed = run(
            self.python, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"
        )
        found = dict(line.split("==") for line in listed.splitlines())
        return {name: found[name] for name in found if name not in ("pip", "setuptools")}

    def megabytes(self) -> float:
        """What is installed in MB (10^6 bytes), byte code included, less the installer."""
        [packages] = self.folder.glob("lib/python*/site-packages")
        installer = ("pip", "setuptools", "pkg_resources", "_distutils_hack")
        return (
            sum(
                file.stat().st_size
                for folder in packages.iterdir()
                if not folder.name.startswith(installer)
                for file in ([folder] if folder.is_file() else folder.rglob("*"))
                if file.is_file()
            )
            / 10**6
        )
