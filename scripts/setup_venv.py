"""The part of the set-up that changes .venv, one process at a time. Called by setup.sh."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

VENV = Path(".venv")
PYTHON = VENV / "bin" / "python"
LOG = VENV / "set-up.log"
# Written last: without it .venv counts as half-made.
STAMP = VENV / "set-up"

# These would send what pip installs, or what Python imports, to another place.
MISLEADING = {"PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PYTHONPATH", "PYTHONHOME"}


class SetupError(Exception):
    """One line that says what is wrong."""


def lock_folder() -> None:
    """Wait for another set-up of this folder; the lock goes when the process ends."""
    folder = os.open(".", os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
    except OSError:
        # Some network file systems cannot lock: then two set-ups at once are not guarded.
        os.close(folder)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={name: value for name, value in os.environ.items() if name not in MISLEADING},
        check=False,
    )


def runs_here() -> bool:
    """Whether .venv is complete, in its place, and made by this Python version."""
    code = "import sys; print(sys.prefix, sys.version, sep='\\n')"
    try:
        lines = STAMP.read_text().splitlines()
        printed = run(str(PYTHON), "-c", code).stdout.strip()
    except OSError:
        return False
    return lines[:1] == [str(Path.cwd())] and printed == f"{VENV.absolute()}\n{sys.version}"


def create() -> None:
    if VENV.is_symlink() or VENV.is_file():
        VENV.unlink()
    elif VENV.exists():
        shutil.rmtree(VENV)
    made = run(sys.executable, "-m", "venv", str(VENV))
    if made.returncode != 0:
        lines = made.stdout.strip().splitlines() or ["no reason given"]
        raise SetupError(f"python3 -m venv failed: {lines[-1]}")


def pip_install(*arguments: str) -> None:
    pip = (str(PYTHON), "-m", "pip", "--no-input", "--disable-pip-version-check")
    done = run(*pip, "install", "--quiet", "--constraint", "constraints.txt", *arguments)
    with LOG.open("a") as log:
        log.write(done.stdout)
    if done.returncode != 0:
        raise SetupError(f"pip could not install the packages: {reason(done.stdout)} (see {LOG})")


def reason(output: str) -> str:
    """The one line of pip's output that says most."""
    if "Failed to establish a new connection" in output or "NameResolutionError" in output:
        return "there is no connection to the package index"
    lines = output.strip().splitlines() or ["no reason given"]
    # The first error is the cause; without one, the last word has to do.
    first = next((line for line in lines if line.startswith("ERROR: ")), lines[-1])
    return first.removeprefix("ERROR: ")


def main(fingerprint: str) -> None:
    lock_folder()
    intact = runs_here()
    if intact and STAMP.read_text().strip() == fingerprint:
        return  # another set-up was quicker
    print("Setting up .venv (once; about half a minute) …", file=sys.stderr, flush=True)
    STAMP.unlink(missing_ok=True)
    if not intact:
        create()
    LOG.unlink(missing_ok=True)
    # The build back end first, in its pinned version: pip would fetch another one for itself.
    pip_install("hatchling")
    pip_install("--no-build-isolation", "--editable", ".[dev]")
    unfinished = STAMP.with_suffix(".new")
    unfinished.write_text(fingerprint + "\n")
    unfinished.replace(STAMP)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except (SetupError, OSError) as error:
        sys.exit(f"make setup: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
