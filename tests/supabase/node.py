"""Node and the packages of the JavaScript client, for the tests that need them."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import pytest

CLIENT = Path(__file__).parents[2] / "clients" / "javascript"
OLDEST_NODE = 20


class NotThereError(Exception):
    """Node or the packages are not there; says why."""


def node() -> str:
    """The program `node`; where it cannot be used the test is left out, but in CI it fails."""
    found = _find()
    if isinstance(found, str):
        return found
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(f"{found}, and CI leaves no test out", pytrace=False)
    # A skipped test is a letter in the report; a warning is told at its end.
    warnings.warn(f"the tests over HTTP are left out: {found}", stacklevel=2)
    pytest.skip(str(found))


@cache
def _find() -> str | NotThereError:
    try:
        return ready_node()
    except NotThereError as error:
        return error


def ready_node() -> str:
    """The program, with node_modules as package-lock.json says."""
    program = shutil.which("node")
    if program is None:
        raise NotThereError(f"Node {OLDEST_NODE} or newer is not installed")
    version = subprocess.check_output([program, "--version"], text=True).strip()
    if int(version.removeprefix("v").split(".")[0]) < OLDEST_NODE:
        raise NotThereError(f"Node {OLDEST_NODE} or newer is needed, and {program} is {version}")
    _install_packages()
    return program


def _install_packages() -> None:
    with (CLIENT / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other workers install the same
        if _is_installed(json.load(lock)):
            return  # without npm, and without a network
        npm = shutil.which("npm")
        if npm is None:
            raise NotThereError("npm is not installed")
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
        try:
            done = subprocess.run(
                [npm, "ci", *options, "--fetch-retries=1"],
                cwd=CLIENT,
                capture_output=True,
                text=True,
                timeout=100,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise NotThereError(f"npm ci did not end in {error.timeout:.0f} s") from error
        if done.returncode != 0:
            first_line = (done.stderr.strip() or "no reason given").splitlines()[0]
            raise NotThereError(f"npm ci failed: {first_line}")


def _is_installed(lock: dict[str, Any]) -> bool:
    """Whether node_modules, as npm notes at the end of an installation, is what the lock says."""
    try:
        noted = json.loads((CLIENT / "node_modules" / ".package-lock.json").read_text())
    except FileNotFoundError:
        return False
    return all(
        noted["packages"].get(path, {}).get("version") == package["version"]
        for path, package in lock["packages"].items()
        # Optional ones are for other machines; "" is the package itself.
        if path and not package.get("optional")
    )
