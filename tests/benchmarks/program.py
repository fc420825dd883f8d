"""`python -m benchmarks` as users start it: a program of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

# On a busy machine too.
BENCH_SECONDS = 400


@contextmanager
def started_bench(*options: str) -> Iterator[subprocess.Popen[str]]:
    """In a group of its own, as a shell gives it; nothing of it outlives the block."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name != "DATABASE_URL" and (not name.startswith("CAMPAIGNDB_") or "PG_BIN" in name)
    }
    program = subprocess.Popen(
        [sys.executable, "-m", "benchmarks", *options],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield program
    finally:
        if program.poll() is None:
            os.killpg(program.pid, signal.SIGKILL)
            program.communicate()


def run_bench(*options: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    with started_bench(*options) as program:
        output, errors = program.communicate(timeout=BENCH_SECONDS)
        assert not left_behind(program)
        return program.returncode, output, errors


def left_behind(program: subprocess.Popen[str]) -> list[str]:
    """Processes of the program's group that do not end."""
    deadline = time.monotonic() + 5
    while (found := _group_members(program.pid)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def _group_members(group: int) -> list[str]:
    members = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                members.append(f"{process.pid} {' '.join(process.cmdline())}")
        except (psutil.Error, ProcessLookupError):
            continue
    return members
