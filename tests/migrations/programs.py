"""Alembic and psql as programs of their own, as an operator runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Protocol

from sqlalchemy.engine import URL

from campaigndb.embedded_server.account import server_account
from campaigndb.embedded_server.programs import find_programs
from campaigndb.migrations.configuration import ALEMBIC_INI
from campaigndb.settings import Settings

SECONDS = 60


class Alembic(Protocol):
    """Runs `alembic` with arguments on a database; settings by their variables' names."""

    def __call__(
        self, *arguments: str, url: URL | str | None = None, **settings: str
    ) -> subprocess.CompletedProcess[str]: ...


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that says which database is meant."""
    return {
        name: value
        for name, value in os.environ.items()
        if name != "DATABASE_URL" and not name.startswith(("CAMPAIGNDB_", "PG"))
    }


def start_alembic(
    *arguments: str, url: URL | str | None, folder: Path, **settings: str
) -> subprocess.Popen[str]:
    """Starts `alembic` in `folder`, out of reach of a developer's .env file."""
    if isinstance(url, URL):
        url = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return subprocess.Popen(
        [Path(sys.executable).with_name("alembic"), "-c", ALEMBIC_INI, *arguments],
        env=clean_environment() | ({"DATABASE_URL": url} if url else {}) | settings,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_alembic(
    *arguments: str, url: URL | str | None, folder: Path, **settings: str
) -> subprocess.CompletedProcess[str]:
    with start_alembic(*arguments, url=url, folder=folder, **settings) as process:
        try:
            output, errors = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return subprocess.CompletedProcess(arguments, process.returncode, output, errors)


def psql(url: URL, script: str) -> subprocess.CompletedProcess[str]:
    """Runs a script with the server's own psql, up to its first error; notices are left out."""
    return _run(url, "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", script=script)


def pg_dump(url: URL) -> str:
    """A database as a script, by the server's own program."""
    done = _run(url, "pg_dump")
    assert done.returncode == 0, done.stderr
    return done.stdout


def _run(
    url: URL, program: str, *options: str, script: str | None = None
) -> subprocess.CompletedProcess[str]:
    settings = Settings(_env_file=None)
    path = find_programs(settings, server_account(settings)).bin_dir / program
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    # As bytes: Python's text mode would turn a carriage return in a literal into a line feed.
    done = subprocess.run(
        [path, *options, address],
        input=None if script is None else script.encode(),
        env=clean_environment() | {"PGOPTIONS": "-c client_min_messages=warning"},
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )
