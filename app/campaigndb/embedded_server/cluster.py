"""One data folder and the PostgreSQL server on it."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from campaigndb.embedded_server.account import Account
from campaigndb.embedded_server.errors import EmbeddedServerError
from campaigndb.embedded_server.programs import Programs

if TYPE_CHECKING:
    import psutil
    import psycopg
    from sqlalchemy.engine import URL

SUPERUSER = "postgres"
HOST = "127.0.0.1"
LOG_LINES_SHOWN = 10
MAX_LOG_BYTES = 10_000_000
PORTS_TRIED = 5
# Recovery after a crash is part of a start.
START_SECONDS = 120
STOP_SECONDS = 60


@dataclass(frozen=True)
class Postmaster:
    """The server's main process, as its lock file describes it."""

    pid: int
    port: int


@dataclass
class Cluster:
    """A folder with `data/`, `password` and `server.log`.

    The folder belongs to the caller; `data/` and the log belong to the server's user. The settings
    are passed at each start, so that root never writes into another user's folder.
    """

    folder: Path
    programs: Programs
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def account(self) -> Account:
        """The user that the server runs as."""
        return self.programs.account

    @property
    def data_dir(self) -> Path:
        """PostgreSQL's data folder."""
        return self.folder / "data"

    @property
    def log_path(self) -> Path:
        """The server's log."""
        return self.folder / "server.log"

    @property
    def password_path(self) -> Path:
        """The file that holds the superuser's password."""
        return self.folder / "password"

    # Making the data folder

    def create(self, *, durable: bool) -> None:
        """Runs initdb. The data folder gets its final name when it is complete."""
        unfinished = self.folder / "data.unfinished"
        password_for_initdb = self.folder / "password.initdb"
        shutil.rmtree(unfinished, ignore_errors=True)
        password_for_initdb.unlink(missing_ok=True)
        self.password_path.unlink(missing_ok=True)
        password = secrets.token_urlsafe(24)
        unfinished.mkdir(mode=0o700)
        self.account.own(unfinished)
        try:
            self._write_secret(password_for_initdb, password, self.account)
            made = self.account.run(
                self.programs.bin_dir / "initdb",
                f"--pgdata={unfinished}",
                f"--username={SUPERUSER}",
                f"--pwfile={password_for_initdb}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                *_locale_options(self.programs.major_version),
                *([] if durable else ["--no-sync"]),
                timeout=START_SECONDS,
            )
        finally:
            password_for_initdb.unlink(missing_ok=True)
        if made.returncode != 0:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise EmbeddedServerError(f"initdb failed:\n{_last_lines(made.stdout)}")
        self._write_secret(self.password_path, password)
        unfinished.rename(self.data_dir)

    @staticmethod
    def _write_secret(path: Path, secret: str, owner: Account | None = None) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            if owner is not None:
                owner.own(descriptor)
            file.write(secret)

    # Starting and stopping

    def start(self, *, port: int | None = None, preferred_port: int | None = None) -> None:
        """Start the server and wait until it takes connections.

        Without `port` it uses `preferred_port` if that is free, or any free port. If another
        process takes the port first, the next one is tried.
        """
        self._remove_stale_lock_file()
        for attempt in range(PORTS_TRIED):
            chosen = port or _free_port(preferred_port if attempt == 0 else None)
            log_position = self._prepare_log()
            options = (f"--log={self.log_path}", f"--options={self._options(chosen)}")
            started = self._pg_ctl("start", START_SECONDS, *options)
            if started.returncode == 0:
                return
            log = self._log_since(log_position)
            if port is not None or "Address already in use" not in log:
                break
        if self.postmaster() is not None:
            self.stop("immediate")  # it did not get ready in time
        raise EmbeddedServerError(
            f"PostgreSQL did not start on {self.data_dir}:\n{_last_lines(log or started.stdout)}"
        )

    def stop(self, mode: str = "fast") -> None:
        """Stops the server, if it runs, in one of pg_ctl's modes."""
        if self.postmaster() is None:
            return
        stopped = self._pg_ctl("stop", STOP_SECONDS, f"--mode={mode}")
        if stopped.returncode != 0 and self.postmaster() is not None:
            raise EmbeddedServerError(
                f"PostgreSQL on {self.data_dir} did not stop: {_last_lines(stopped.stdout)}"
            )

    def _pg_ctl(
        self, command: str, seconds: int, *options: str
    ) -> subprocess.CompletedProcess[str]:
        return self.account.run(
            self.programs.bin_dir / "pg_ctl",
            command,
            f"--pgdata={self.data_dir}",
            *options,
            "--wait",
            f"--timeout={seconds}",
            "--silent",
            timeout=seconds + 30,
        )

    def kill(self) -> None:
        """Sends SIGKILL to all processes of the server, like a crash of the machine."""
        import psutil

        postmaster = self.postmaster()
        if postmaster is None:
            return
        main = psutil.Process(postmaster.pid)
        main.suspend()  # so that it starts no process meanwhile
        processes = [main, *main.children(recursive=True)]
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        deadline = time.monotonic() + 10
        while any(_is_alive(process) for process in processes):
            if time.monotonic() > deadline:
                raise EmbeddedServerError("PostgreSQL's processes survived SIGKILL")
            time.sleep(0.01)

    def _options(self, port: int) -> str:
        # Only on 127.0.0.1. Without a Unix socket, whose path would have to be short.
        values = {
            "listen_addresses": HOST,
            "port": str(port),
            "unix_socket_directories": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "track_functions": "pl",
        }
        if self.programs.has_library("pg_stat_statements"):
            values["shared_preload_libraries"] = "pg_stat_statements"
        values |= self.settings
        return " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in values.items())

    # Looking at the server

    def postmaster(self) -> Postmaster | None:
        """The running server's main process; None if a crash left only its lock file."""
        try:
            lines = (self.data_dir / "postmaster.pid").read_text().splitlines()
            pid, folder, port = int(lines[0]), lines[1], int(lines[3])
        except (FileNotFoundError, IndexError, ValueError):
            return None
        # A copied folder contains the lock file of the original server.
        if folder != str(self.data_dir) or not self._is_our_server(pid):
            return None
        return Postmaster(pid, port)

    def _is_our_server(self, pid: int) -> bool:
        """Whether the process is a server on this folder. Process numbers are reused."""
        import psutil

        try:
            return str(self.data_dir) in psutil.Process(pid).cmdline()
        except psutil.Error:
            return False

    def _remove_stale_lock_file(self) -> None:
        """Removes a stale lock file: PostgreSQL accepts any process of its user as the owner."""
        import psutil

        lock_file = self.data_dir / "postmaster.pid"
        try:
            pid = int(lock_file.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        if psutil.pid_exists(pid) and not self._is_our_server(pid):
            lock_file.unlink(missing_ok=True)

    def url(self, port: int, database: str) -> URL:
        """The address of a database, with the superuser's name and password."""
        from sqlalchemy.engine import URL

        return URL.create(
            "postgresql+psycopg",
            username=SUPERUSER,
            password=self._password(),
            host=HOST,
            port=port,
            database=database,
            # The server has no TLS, whatever PGSSLMODE says.
            query={"sslmode": "disable"},
        )

    def connect(self, port: int, database: str) -> psycopg.Connection:
        """A connection as superuser, in autocommit."""
        import psycopg

        return psycopg.connect(
            host=HOST,
            hostaddr=HOST,
            port=port,
            user=SUPERUSER,
            password=self._password(),
            dbname=database,
            sslmode="disable",
            gssencmode="disable",
            # Another service may have taken the port, and must not get the password.
            require_auth="scram-sha-256",
            connect_timeout=10,
            autocommit=True,
        )

    def _password(self) -> str:
        try:
            return self.password_path.read_text()
        except FileNotFoundError:
            raise EmbeddedServerError(
                f"{self.password_path} is missing: remove {self.folder} to start afresh"
            ) from None

    # The log

    def _prepare_log(self) -> int:
        """Creates the log for the server's user if necessary; returns its length."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW
        descriptor = os.open(self.log_path, flags, 0o600)
        try:
            self.account.own(descriptor)
            if os.fstat(descriptor).st_size > MAX_LOG_BYTES:
                os.ftruncate(descriptor, 0)
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)

    def _log_since(self, position: int) -> str:
        with self.log_path.open("rb") as log:
            log.seek(position)
            return log.read().decode(errors="replace")


def _locale_options(major_version: int) -> list[str]:
    """Sorts by code point; upper and lower case work beyond ASCII where possible."""
    if major_version >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    if Path("/usr/lib/locale/C.utf8").exists():
        return ["--locale=C.UTF-8"]
    return ["--locale=C"]


def _free_port(preferred: int | None) -> int:
    for port in (preferred, 0):
        if port is None:
            continue
        with socket.socket() as probe:
            # As the server does: a port whose connections are closing counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise EmbeddedServerError(f"there is no free port on {HOST}")


def _is_alive(process: psutil.Process) -> bool:
    import psutil

    try:
        # A zombie stays until its parent waits for it, which in many containers never happens.
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-LOG_LINES_SHOWN:]) or "no reason given"
