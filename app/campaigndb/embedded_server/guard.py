"""Stops and removes a temporary server when its owner is finished or dead.

Run as a program by `temporary.py`, with the standard library alone:
guard.py FOLDER PG_CTL [UID GID]
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

STOP_SECONDS = 10


def stop(data_dir: Path, pg_ctl: str, user: int | None, group: int | None) -> None:
    """Stops the server immediately, because its data is not kept."""
    command = [pg_ctl, "stop", "-D", str(data_dir), "-m", "immediate", "-t", str(STOP_SECONDS)]
    stopped = subprocess.run(
        command,
        user=user,
        group=group,
        extra_groups=None if user is None else [],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if stopped.returncode != 0:
        # It hangs or is suspended. The other processes end when they notice that it is gone.
        with contextlib.suppress(OSError, ValueError):
            pid = int((data_dir / "postmaster.pid").read_text().split("\n", 1)[0])
            if str(data_dir).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)


def remove(folder: Path) -> None:
    """Removes the folder. It retries, because an ending process may still write a file."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)


def main() -> None:
    """Waits for the end of its input, then stops and removes the server."""
    folder, pg_ctl = Path(sys.argv[1]), sys.argv[2]
    user, group = (int(sys.argv[3]), int(sys.argv[4])) if len(sys.argv) > 3 else (None, None)
    sys.stdin.readline()
    stop(folder / "data", pg_ctl, user, group)
    remove(folder)


if __name__ == "__main__":
    main()
