"""The command line, run in this process or in one of its own, on the test's database."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL

from campaigndb.cli.main import run_command
from campaigndb.settings import get_settings

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Result:
    exit_code: int
    stdout: str
    stderr: str


CampaignDb = Callable[..., Result]


def without_settings() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CAMPAIGNDB_", "PG")) and name != "DATABASE_URL"
    }


@pytest.fixture(autouse=True)
def _own_settings(
    database_url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """As owner of the test's database, in a folder without a `.env`."""
    for name in set(os.environ) - set(without_settings()):
        if name not in ("CAMPAIGNDB_PG_BIN", "CAMPAIGNDB_SERVER_USER"):
            monkeypatch.delenv(name)
    url = database_url.set(drivername="postgresql")
    monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
    monkeypatch.chdir(tmp_path)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture
def campaigndb(capfd: pytest.CaptureFixture[str]) -> CampaignDb:
    """Runs a command in this process, with the environment as the test has set it."""

    def run(*arguments: Any) -> Result:
        get_settings.cache_clear()
        capfd.readouterr()
        exit_code = run_command([str(argument) for argument in arguments])
        return Result(exit_code, *capfd.readouterr())

    return run


@pytest.fixture
def campaigndb_process() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a command as a process of its own; one that is left over is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: Any, **options: Any) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "campaigndb.cli", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **({"env": os.environ | {"PYTHONPATH": str(PROJECT)}} | options),
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()
