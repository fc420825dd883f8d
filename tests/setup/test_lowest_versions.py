"""The lowest versions that pyproject.toml allows do work, all of them at once."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.migrations.databases import new_database

PROJECT = Path(__file__).parents[2]
EXTRAS = ("supabase", "telemetry")
OF_AN_EXTRA = ("app.supabase_store", "app.gmaps_supabase_manager")
# What pip says where there is no network, or an index that holds nothing.
NO_INDEX = re.compile(r"NewConnectionError|NameResolutionError|\(from versions: none\)")
IMPORT_ALL = f"""
import importlib, pkgutil, app
for module in pkgutil.walk_packages(app.__path__, "app."):
    if not module.name.endswith(".__main__") and module.name not in {OF_AN_EXTRA}:
        importlib.import_module(module.name)
"""
IMPORT_EXTRAS = f"import opentelemetry.metrics, {', '.join(OF_AN_EXTRA)}"


def run(*arguments: str | Path, **environment: str) -> str:
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CAMPAIGNDB_", "PYTHON"))
    }
    done = subprocess.run(
        arguments,
        cwd="/",
        env=own | environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def lowest(declared: list[str]) -> list[str]:
    """`psycopg[binary]==3.2.2` of `psycopg[binary]>=3.2.2`."""
    assert all(re.fullmatch(r"[\w\[\]-]+>=[\d.]+", line) for line in declared)
    return [line.replace(">=", "==") for line in declared]


def pip_install(python: Path, *wanted: str | Path) -> None:
    pip = (python, "-m", "pip", "--no-input", "--disable-pip-version-check")
    installed = subprocess.run(
        [*pip, "install", "--quiet", *wanted],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    if installed.returncode != 0 and NO_INDEX.search(installed.stderr):
        pytest.skip("the lowest versions cannot be downloaded here")
    assert installed.returncode == 0, installed.stderr


@pytest.mark.timeout(300)
def test_the_lowest_versions_import_migrate_and_compare(
    wheel: Path, server_url: URL, tmp_path: Path
) -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    run(sys.executable, "-m", "venv", tmp_path)
    python, program = (tmp_path / "bin" / name for name in ("python", "campaigndb"))

    pip_install(python, wheel, *lowest(project["dependencies"]))
    run(python, "-c", IMPORT_ALL)
    assert "migrat" in run(program, "--help")
    with new_database(server_url) as url:
        address = url.render_as_string(hide_password=False)
        assert "is at revision 0" in run(program, "db", "migrate", DATABASE_URL=address)
        assert "no drift" in run(program, "drift", DATABASE_URL=address)

    # An extra may ask for a later version of what both need.
    extras = project["optional-dependencies"]
    pip_install(python, *lowest([line for extra in EXTRAS for line in extras[extra]]))
    run(python, "-c", IMPORT_EXTRAS)
