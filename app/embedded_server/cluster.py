"""One data folder and the PostgreSQL server on it."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import shutil
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
from sqlalchemy.engine import URL

from app.embedded_server.account import Account
from app.embedded_server.errors import EmbeddedServerError
from app.embedded_server.programs import Programs

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

    The folder is the caller's; `data/` and the log are the server user's. The settings are
    passed at each start, so that root never writes into a folder of another user.
    """

    folder: Path
    programs: Programs
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def account(self) -> Account:
        return self.programs.account

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    @property
    def log_path(self) -> Path:
        return self.folder / "server.log"

    @property
    def password_path(self) -> Path:
        return self.folder / "password"

    # Making the data folder

    def create(self, *, durable: bool) -> None:
        """initdb. The data folder gets its name only when it is complete."""
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

        Without `port` it takes `preferred_port` if that is free, or any free one. Another
        process can take a free port before the server does: then the next one is tried.
        """
        self._remove_stale_lock_file()
        for attempt in range(PORTS_TRIED):
            chosen = port or _free_port(preferred_port if attempt == 0 else None)
            log_position = self._prepare_log()
            started = self.account.run(
                self.programs.bin_dir / "pg_ctl",
                "start",
                f"--pgdata={self.data_dir}",
                f"--log={self.log_path}",
                f"--options={self._options(chosen)}",
                "--wait",
                f"--timeout={START_SECONDS}",
                "--silent",
                timeout=START_SECONDS + 30,
            )
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
        if self.postmaster() is None:
            return
        stopped = self.account.run(
            self.programs.bin_dir / "pg_ctl",
            "stop",
            f"--pgdata={self.data_dir}",
            f"--mode={mode}",
            "--wait",
            f"--timeout={STOP_SECONDS}",
            "--silent",
            timeout=STOP_SECONDS + 30,
        )
        if stopped.returncode != 0 and self.postmaster() is not None:
            raise EmbeddedServerError(
                f"PostgreSQL on {self.data_dir} did not stop: {_last_lines(stopped.stdout)}"
            )

    def kill(self) -> None:
        """SIGKILL to the server and all its processes, as a crash of the machine would."""
        postmaster = self.postmaster()
        if postmaster is None:
            return
        main = psutil.Process(postmaster.pid)
        main.suspend()  # so that it starts no process while they are counted
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
        # On 127.0.0.1 only. No Unix socket: its path would have to be short.
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
        """The running server's main process; None where a crash only left its lock file."""
        try:
            lines = (self.data_dir / "postmaster.pid").read_text().splitlines()
            pid, folder, port = int(lines[0]), lines[1], int(lines[3])
        except (FileNotFoundError, IndexError, ValueError):
            return None
        # A copied folder brings along the lock file of the server it was copied from.
        if folder != str(self.data_dir) or not self._is_our_server(pid):
            return None
        return Postmaster(pid, port)

    def _is_our_server(self, pid: int) -> bool:
        """Whether the process is a server on this folder: numbers are used again."""
        try:
            return str(self.data_dir) in psutil.Process(pid).cmdline()
        except psutil.Error:
            return False

    def _remove_stale_lock_file(self) -> None:
        """PostgreSQL takes any living process of its user for the one in the lock file."""
        lock_file = self.data_dir / "postmaster.pid"
        try:
            pid = int(lock_file.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        if psutil.pid_exists(pid) and not self._is_our_server(pid):
            lock_file.unlink(missing_ok=True)

    def url(self, port: int, database: str) -> URL:
        return URL.create(
            "postgresql+psycopg",
            username=SUPERUSER,
            password=self._password(),
            host=HOST,
            port=port,
            database=database,
            # The server has no TLS, whatever PGSSLMODE asks for.
            query={"sslmode": "disable"},
        )

    def connect(self, port: int, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=HOST,
            hostaddr=HOST,
            port=port,
            user=SUPERUSER,
            password=self._password(),
            dbname=database,
            sslmode="disable",
            gssencmode="disable",
            # Another service may have the port by now: it must not get the password.
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
        """An empty or existing log that the server's user may write; its length."""
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
    """Sorted by code point everywhere; upper and lower case beyond ASCII where possible."""
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
            # As the server does it: a port whose last connections are just closing is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise EmbeddedServerError(f"there is no free port on {HOST}")


def _is_alive(process: psutil.Process) -> bool:
    try:
        # A zombie stays until its parent looks: in many containers nobody does.
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-LOG_LINES_SHOWN:]) or "no reason given"
