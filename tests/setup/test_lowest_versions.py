"""The lowest versions that pyproject.toml allows do work, all at once; and older series."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.migrations.databases import new_database
from tests.setup.environments import PROJECT, Environment, run

COMMANDS = ("cli", "embedded", "report")
EXTRAS = ("supabase", "telemetry")
OF_AN_EXTRA = ("campaigndb.http.supabase_store", "campaigndb.http.gmaps_supabase_manager")
IMPORT_ALL = f"""
import importlib, pkgutil, campaigndb
for module in pkgutil.walk_packages(campaigndb.__path__, "campaigndb."):
    if not module.name.endswith(".__main__") and module.name not in {OF_AN_EXTRA}:
        importlib.import_module(module.name)
"""
IMPORT_EXTRAS = f"import opentelemetry.metrics, {', '.join(OF_AN_EXTRA)}"


def lowest(declared: list[str]) -> list[str]:
    """`psycopg[binary]==3.2.2` of `psycopg[binary]>=3.2.2`."""
    outside = [line for line in declared if not line.startswith("campaigndb[")]
    assert all(re.fullmatch(r"[\w\[\]-]+>=[\d.]+", line) for line in outside)
    return [line.replace(">=", "==") for line in outside]


def migrates_compares_and_calls(environment: Environment, server_url: URL) -> None:
    with new_database(server_url) as url:
        address = url.render_as_string(hide_password=False)
        migrated = run(environment.program, "db", "migrate", DATABASE_URL=address)
        assert "is at revision 0" in migrated
        assert "no drift" in run(environment.program, "drift", DATABASE_URL=address)
        program = Path(__file__).with_name("calls.py")
        assert run(environment.python, program, DATABASE_URL=address) == "3.1000 1\n"


@pytest.mark.timeout(400)
def test_the_newest_of_the_older_series_work_as_well(
    wheel: Path, server_url: URL, tmp_path: Path
) -> None:
    environment = Environment(tmp_path)
    environment.install(f"{wheel}[cli,embedded]", "sqlalchemy<2.1", "psycopg[binary]<3.3")
    installed = environment.packages()
    assert installed["SQLAlchemy"].startswith("2.0.")
    assert installed["psycopg"].startswith("3.2.")
    migrates_compares_and_calls(environment, server_url)


@pytest.mark.timeout(400)
def test_the_lowest_versions_import_migrate_and_compare(
    wheel: Path, server_url: URL, tmp_path: Path
) -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    environment = Environment(tmp_path)

    commands = [line for extra in COMMANDS for line in extras[extra]]
    environment.install(wheel, *lowest([*project["dependencies"], *commands]))
    run(environment.python, "-c", IMPORT_ALL)
    assert "migrat" in run(environment.program, "--help")
    migrates_compares_and_calls(environment, server_url)

    # An extra may ask for a later version of what both need.
    environment.install(*lowest([line for extra in EXTRAS for line in extras[extra]]))
    run(environment.python, "-c", IMPORT_EXTRAS)
