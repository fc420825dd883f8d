"""The demo as users start it: a program of its own, on a server in a folder of the test's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest

from campaigndb.embedded_server import status, stop
from campaigndb.settings import Settings
from examples.helsinki.jobs import JOBS
from tests.support.server_folders import server_folder

DEMO_SECONDS = 240


@pytest.fixture
def settings() -> Iterator[Settings]:
    """A folder that the server's user can enter; whatever runs there is stopped at the end."""
    with server_folder("demo ") as folder:
        settings = Settings(_env_file=None, database_url=None, data_dir=folder / "state")
        yield settings
        stop(settings)


class DemoProgram:
    """Starts demos and remembers them, so that none outlives its test."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *options: str) -> subprocess.Popen[str]:
        environment = {
            name: value
            for name, value in os.environ.items()
            if name != "DATABASE_URL" and (not name.startswith("CAMPAIGNDB_") or "PG_BIN" in name)
        }
        program = subprocess.Popen(
            [sys.executable, "-m", "examples.helsinki", *options],
            env=environment
            | {"CAMPAIGNDB_DATA_DIR": str(self.settings.data_dir), "COLUMNS": "100"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A group of its own, as a shell gives it: Ctrl-C reaches all of the group.
            start_new_session=True,
        )
        self.started.append(program)
        return program

    def run(self, *options: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        return self.end_of(self.start(*options))

    def end_of(self, program: subprocess.Popen[str]) -> tuple[int, str, str]:
        output, errors = program.communicate(timeout=DEMO_SECONDS)
        return program.returncode, output, errors

    def workers(self, program: subprocess.Popen[str]) -> list[psutil.Process]:
        """The demo's processes, once there are all."""
        deadline = time.monotonic() + DEMO_SECONDS
        while time.monotonic() < deadline and program.poll() is None:
            found: list[psutil.Process] = []
            for child in psutil.Process(program.pid).children():
                with suppress(psutil.Error):
                    if any("forkserver" in word for word in child.cmdline()):
                        found = child.children()
            if len(found) == len(JOBS):
                return found
            time.sleep(0.01)
        raise AssertionError("the demo did not start its processes")

    def left_behind(self) -> list[str]:
        """The server, if it still runs, and processes of the demos' groups that do not end."""
        left = ["the server"] if status(self.settings).running else []
        # Python's own resource tracker notices a moment after the program's end that it is alone.
        deadline = time.monotonic() + 5
        while (processes := self._group_members()) and time.monotonic() < deadline:
            time.sleep(0.01)
        return left + processes

    def _group_members(self) -> list[str]:
        groups = {program.pid for program in self.started}
        members = []
        for process in psutil.process_iter():
            try:
                if os.getpgid(process.pid) in groups and process.status() != psutil.STATUS_ZOMBIE:
                    members.append(f"{process.pid} {' '.join(process.cmdline())}")
            except (psutil.Error, ProcessLookupError):
                continue
        return members


@pytest.fixture
def demo(settings: Settings) -> Iterator[DemoProgram]:
    program = DemoProgram(settings)
    yield program
    for started in program.started:
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()
