"""Node and the packages of the JavaScript client, for the tests that need them."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

CLIENT = Path(__file__).parents[2] / "clients" / "javascript"
OLDEST_NODE = 20


@cache
def node() -> str:
    """The program `node`; where there is none the test is left out, but in CI it fails."""
    program = shutil.which("node")
    if program is None:
        _leave_out(f"Node {OLDEST_NODE} or newer is not installed")
    version = subprocess.check_output([program, "--version"], text=True).strip()
    if int(version.removeprefix("v").split(".")[0]) < OLDEST_NODE:
        _leave_out(f"Node {OLDEST_NODE} or newer is needed, and {program} is {version}")
    _install_packages()
    return program


def _leave_out(reason: str) -> NoReturn:
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(f"{reason}, and CI leaves no test out", pytrace=False)
    pytest.skip(reason)


def _install_packages() -> None:
    """Brings node_modules to package-lock.json; what is up to date needs no network."""
    wanted = hashlib.sha256((CLIENT / "package-lock.json").read_bytes()).hexdigest()
    installed = CLIENT / "node_modules" / ".installed"
    with (CLIENT / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other workers install the same
        if installed.exists() and installed.read_text() == wanted:
            return
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
        done = subprocess.run(command, cwd=CLIENT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.fail(f"npm ci failed in {CLIENT}:\n{done.stderr}", pytrace=False)
        installed.write_text(wanted)
