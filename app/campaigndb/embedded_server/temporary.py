"""A temporary server for tests and experiments: fast, empty, and removed afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from campaigndb.embedded_server import guard
from campaigndb.embedded_server.account import Account, server_account
from campaigndb.embedded_server.cluster import SUPERUSER, Cluster
from campaigndb.embedded_server.errors import EmbeddedServerError, file_errors_explained
from campaigndb.embedded_server.programs import find_programs
from campaigndb.settings import Settings, get_settings

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

# The data need not survive a crash, so nothing has to reach the disk.
THROW_AWAY = {
    "max_connections": "200",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "256MB",
}
# A folder in memory on Linux, where copying a database takes a tenth of the time.
MEMORY = Path("/dev/shm")  # noqa: S108
MEMORY_NEEDED = 4 * 2**30


class TemporaryServer:
    """A running server, which a test can kill and restart at the same address."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        cluster.start()
        self.port = self._pid_and_port()[1]

    @property
    def url(self) -> URL:
        """The address of the database `postgres`, with the superuser's name and password."""
        return self.url_for(SUPERUSER)

    def url_for(self, database: str) -> URL:
        """The address of another database of this server."""
        return self._cluster.url(self.port, database)

    @property
    def pid(self) -> int:
        """The process id of the server's main process."""
        return self._pid_and_port()[0]

    @property
    def bin_dir(self) -> Path:
        """The folder of the server's programs."""
        return self._cluster.programs.bin_dir

    @property
    def major_version(self) -> int:
        """PostgreSQL's major version."""
        return self._cluster.programs.major_version

    @property
    def log_path(self) -> Path:
        """The server's log."""
        return self._cluster.log_path

    def kill(self) -> None:
        """Sends SIGKILL to all processes of the server. The data stays for `restart`.

        Unless the server was made with `synchronous_commit` on, its last commits are lost.
        """
        with file_errors_explained():
            self._cluster.kill()

    def restart(self) -> None:
        """Stop the server if it runs, and start it again on the same port."""
        with file_errors_explained():
            self._cluster.stop()
            self._cluster.start(port=self.port)

    def _pid_and_port(self) -> tuple[int, int]:
        postmaster = self._cluster.postmaster()
        if postmaster is None:
            raise EmbeddedServerError("the temporary PostgreSQL is not running")
        return postmaster.pid, postmaster.port


@contextmanager
def temporary_server(
    settings: Settings | None = None,
    *,
    server_settings: Mapping[str, str] | None = None,
) -> Iterator[TemporaryServer]:
    """A new server, stopped and removed at the end, however the process ends.

    `server_settings` are PostgreSQL's settings, such as `{"fsync": "on"}`, and take precedence. The
    data is in memory if there is enough, unless TMPDIR or an `fsync` other than "off" is given.
    """
    settings = settings or get_settings()
    with file_errors_explained():
        account = server_account(settings)
        programs = find_programs(settings, account)
        options = {**THROW_AWAY, **(server_settings or {})}
        folder = _new_folder(account, memory_folder() if options["fsync"] == "off" else None)
        cluster = Cluster(folder, programs, options)
    with _guarded(cluster):
        with file_errors_explained():
            cluster.create(durable=False)
            server = TemporaryServer(cluster)
        yield server


def embedded_major_version(settings: Settings | None = None) -> int:
    """The major version of the programs that the settings name, or of the embedded ones."""
    settings = settings or get_settings()
    with file_errors_explained():
        return find_programs(settings, server_account(settings)).major_version


def memory_folder() -> Path | None:
    """A folder in memory with room for a server's data, unless TMPDIR asks for another."""
    import psutil

    if "TMPDIR" in os.environ or not MEMORY.is_dir():
        return None
    room = min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available)
    return MEMORY if room >= MEMORY_NEEDED else None


def _new_folder(account: Account, preferred: Path | None) -> Path:
    """A temporary folder that the server's user can enter."""
    parents = [Path(tempfile.gettempdir()).resolve(), Path("/tmp"), Path("/var/tmp")]  # noqa: S108
    if preferred is not None:
        parents.insert(0, preferred)
    for parent in parents:
        if account.can_enter(parent):
            folder = Path(tempfile.mkdtemp(prefix="campaigndb-", dir=parent))
            if account.switched:
                folder.chmod(0o711)
            return folder
    raise EmbeddedServerError(f"{account.name} may enter none of {', '.join(map(str, parents))}")


@contextmanager
def _guarded(cluster: Cluster) -> Iterator[None]:
    """Lets a guard process stop and remove the server, as it outlives this process.

    The guard waits for the end of its input, which also comes after SIGKILL. PR_SET_PDEATHSIG
    would not do: it fires when the starting thread ends, and does not exist on macOS.
    """
    account = cluster.account
    watching = subprocess.Popen(
        [
            sys.executable,
            "-I",
            "-S",
            guard.__file__,
            str(cluster.folder),
            str(cluster.programs.bin_dir / "pg_ctl"),
            *([str(account.uid), str(account.gid)] if account.switched else []),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        # Protected from the terminal's Ctrl-C and from signals to the caller's group.
        start_new_session=True,
    )
    try:
        yield
    finally:
        # A message, not only the end of input: a forked child may hold the pipe open.
        watching.communicate(b"end\n")
        if cluster.folder.exists():  # the guard itself was killed
            cluster.stop("immediate")
            guard.remove(cluster.folder)
