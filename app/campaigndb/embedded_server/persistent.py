"""The developer's server, started on demand, whose data is kept."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from campaigndb.embedded_server.account import Account, owner_account, server_account, user_name
from campaigndb.embedded_server.cluster import HOST, START_SECONDS, SUPERUSER, Cluster, Postmaster
from campaigndb.embedded_server.errors import EmbeddedServerError, file_errors_explained
from campaigndb.embedded_server.programs import (
    SHARED_FOLDER,
    embedded_package,
    find_programs,
    trusted_folder,
)
from campaigndb.settings import Settings, get_settings, project_folder, sqlalchemy_url

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy.engine import URL

DATABASE = "campaigndb"
MAX_CONNECTIONS = 200
# Below the range of ports that the system uses for outgoing connections.
PREFERRED_PORTS = range(21000, 29000)

# How often this process uses a folder's server in `running`. Changed under the folder's lock.
_in_use: Counter[Path] = Counter()


@dataclass(frozen=True)
class Status:
    """The result of `status`. `pid`, `port` and `address` are None if no server runs."""

    running: bool
    folder: Path
    log_path: Path
    major_version: int | None
    pid: int | None = None
    port: int | None = None
    address: str | None = None


def database_url(settings: Settings | None = None, *, create: bool = False) -> URL:
    """`DATABASE_URL` if it is set, else the address of the embedded server, started if needed.

    Raises:
        EmbeddedServerError: `DATABASE_URL` is not set, and there is no embedded server yet; with
            `create` one is created.
    """
    settings = settings or get_settings()
    if settings.database_url is not None:
        return sqlalchemy_url(settings.database_url)
    if not create:
        with file_errors_explained():
            folder, _ = _place(settings)
            if not (folder / "data" / "PG_VERSION").exists():
                raise EmbeddedServerError(
                    "there is no database: DATABASE_URL is not set, also not in a file .env from "
                    f"{Path.cwd()} up to {project_folder()}, and no embedded server was made in "
                    f"{folder} yet: set DATABASE_URL, or run campaigndb db migrate, which makes one"
                )
    return ensure_running(settings)


def ensure_running(settings: Settings | None = None) -> URL:
    """The address of the embedded server's database. The server is started and keeps running."""
    with file_errors_explained():
        cluster = _cluster(settings or get_settings())
        with _locked(cluster.folder):
            postmaster, _ = _started(cluster)
            if not _in_use[cluster.folder]:
                _stop_after_use(cluster).unlink(missing_ok=True)
        return cluster.url(postmaster.port, DATABASE)


@contextmanager
def running(settings: Settings | None = None) -> Iterator[URL]:
    """As `ensure_running`, but a server that was started here is stopped afterwards.

    If several processes use it at once, the last one stops it.
    """
    with file_errors_explained():
        cluster = _cluster(settings or get_settings())
        with _locked(cluster.folder):
            postmaster, new = _started(cluster)
            if new:
                _stop_after_use(cluster).touch(mode=0o600)
            url = cluster.url(postmaster.port, DATABASE)
            users = _open_locked(cluster.folder / "users", fcntl.LOCK_SH)
            _in_use[cluster.folder] += 1
    try:
        yield url
    finally:
        with file_errors_explained(), _locked(cluster.folder):
            _in_use[cluster.folder] -= 1
            users.close()
            if _stop_after_use(cluster).exists() and not _is_used(cluster):
                cluster.stop()
                _stop_after_use(cluster).unlink()


def stop(settings: Settings | None = None) -> bool:
    """Stops the embedded server. Returns whether one was running."""
    with file_errors_explained():
        cluster = _cluster(settings or get_settings(), make_folder=False)
        if not cluster.data_dir.exists():
            return False
        with _locked(cluster.folder):
            was_running = cluster.postmaster() is not None
            cluster.stop()
            _stop_after_use(cluster).unlink(missing_ok=True)
        return was_running


def status(settings: Settings | None = None) -> Status:
    """Whether and where the embedded server runs. Starts and changes nothing."""
    with file_errors_explained():
        cluster = _cluster(settings or get_settings(), make_folder=False)
        postmaster = cluster.postmaster()
        data_version = _data_version(cluster)
        if postmaster is None:
            return Status(False, cluster.folder, cluster.log_path, data_version)
        return Status(
            True,
            cluster.folder,
            cluster.log_path,
            data_version,
            postmaster.pid,
            postmaster.port,
            f"postgresql://{SUPERUSER}@{HOST}:{postmaster.port}/{DATABASE}",
        )


def _started(cluster: Cluster) -> tuple[Postmaster, bool]:
    """The server's main process, and whether it was started here. Called under the lock."""
    data_version = _data_version(cluster)
    if data_version is None:
        cluster.create(durable=True)
    elif data_version != cluster.programs.major_version:
        raise EmbeddedServerError(
            f"{cluster.data_dir} holds data of PostgreSQL {data_version}, but the programs in "
            f"{cluster.programs.bin_dir} are PostgreSQL {cluster.programs.major_version}: "
            "choose others with CAMPAIGNDB_PG_BIN, another folder with CAMPAIGNDB_DATA_DIR, "
            f"or remove {cluster.folder}"
        )
    postmaster = _accepting(cluster)
    if postmaster is not None:
        return postmaster, False
    cluster.start(preferred_port=_preferred_port(cluster.folder))
    postmaster = _accepting(cluster)
    if postmaster is None:
        raise EmbeddedServerError(
            f"PostgreSQL on {cluster.data_dir} ended after its start: see {cluster.log_path}"
        )
    return postmaster, True


def _accepting(cluster: Cluster) -> Postmaster | None:
    """The running server, once it accepts connections and has the database; None if none runs."""
    import psycopg

    deadline = time.monotonic() + START_SECONDS
    while (postmaster := cluster.postmaster()) is not None:
        try:
            connection = cluster.connect(postmaster.port, SUPERUSER)
        except psycopg.OperationalError as error:
            # It is starting, recovering or shutting down.
            if "authentication failed" in str(error) or time.monotonic() > deadline:
                raise EmbeddedServerError(
                    f"PostgreSQL on {cluster.data_dir} takes no connections: {error}"
                ) from error
            time.sleep(0.1)
        else:
            with connection:
                _ensure_database(connection)
            return postmaster
    return None


def _ensure_database(connection: psycopg.Connection) -> None:
    import psycopg
    from psycopg import sql

    query = "select 1 from pg_database where datname = %s"
    try:
        if connection.execute(query, [DATABASE]).fetchone() is None:
            # The lock prevents two processes from creating it at once.
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
    except psycopg.Error as error:
        raise EmbeddedServerError(f"the database {DATABASE} cannot be made: {error}") from error


def _cluster(settings: Settings, *, make_folder: bool = True) -> Cluster:
    if settings.pg_bin is None:
        # A missing package is reported before problems with the folder.
        embedded_package()
    folder, account = _place(settings)
    if make_folder and not folder.exists():
        _make_folder(folder, account)
    if folder.exists():
        _check_folder(folder, account)
    programs = find_programs(settings, account)
    return Cluster(folder, programs, {"max_connections": str(MAX_CONNECTIONS)})


def _place(settings: Settings) -> tuple[Path, Account]:
    """The server's folder, and the user as whom it runs."""
    default = project_folder() / ".campaigndb"
    folder = settings.data_dir.expanduser().resolve() if settings.data_dir else default
    owner = owner_account(folder / "data")
    account = owner or server_account(settings)
    if not account.switched or account.can_enter(_nearest_existing(folder)):
        return folder, account
    if settings.data_dir is not None:
        raise EmbeddedServerError(_may_not_enter(folder, account))
    # For example a checkout in root's home. The data then is in a separate folder.
    name = hashlib.sha256(os.fsencode(default)).hexdigest()[:16]
    folder = SHARED_FOLDER / "data" / name
    return folder, owner_account(folder / "data") or account


def _make_folder(folder: Path, account: Account) -> None:
    if folder.is_relative_to(SHARED_FOLDER):
        trusted_folder(trusted_folder(SHARED_FOLDER) / "data")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The server's user only has to pass through the folder.
        folder.chmod(0o711 if account.switched else 0o700)
    except OSError as error:
        raise EmbeddedServerError(
            f"the folder {folder} cannot be made ({error.strerror}): "
            "name another one in CAMPAIGNDB_DATA_DIR"
        ) from error


def _check_folder(folder: Path, account: Account) -> None:
    if not os.access(folder, os.W_OK):
        raise EmbeddedServerError(
            f"{folder} belongs to {user_name(folder.stat().st_uid)}, not to {account.name}: "
            "remove it, or name another folder in CAMPAIGNDB_DATA_DIR"
        )
    if account.switched and not account.can_enter(folder):
        raise EmbeddedServerError(_may_not_enter(folder, account))
    if (folder / "PG_VERSION").exists():
        raise EmbeddedServerError(
            f"{folder} is itself a PostgreSQL data folder: name another one in CAMPAIGNDB_DATA_DIR"
        )


def _may_not_enter(folder: Path, account: Account) -> str:
    return (
        f"{account.name}, as whom PostgreSQL runs, may not enter {folder}: "
        "name another folder in CAMPAIGNDB_DATA_DIR, or another user in CAMPAIGNDB_SERVER_USER"
    )


def _nearest_existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _data_version(cluster: Cluster) -> int | None:
    try:
        return int((cluster.data_dir / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None


def _preferred_port(folder: Path) -> int:
    """The same port at every start if it is free, so that saved addresses stay valid."""
    digest = hashlib.sha256(os.fsencode(folder)).digest()
    return PREFERRED_PORTS[int.from_bytes(digest[:4]) % len(PREFERRED_PORTS)]


# Locks: one process at a time starts or stops the server.


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with _open_locked(folder / "lock", fcntl.LOCK_EX):
        yield


def _open_locked(path: Path, operation: int) -> IO[str]:
    """A locked file. The lock ends when it is closed, at the latest when the process ends."""
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+")
    try:
        fcntl.flock(file, operation)
    except OSError:
        file.close()
        raise
    return file


def _stop_after_use(cluster: Cluster) -> Path:
    """A file that exists while the server runs only for users of `running`."""
    return cluster.folder / "stop-after-use"


def _is_used(cluster: Cluster) -> bool:
    try:
        _open_locked(cluster.folder / "users", fcntl.LOCK_EX | fcntl.LOCK_NB).close()
    except BlockingIOError:
        return True
    return False
