"""PgBouncer on loopback, for one database; in transaction mode unless another is asked for."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import URL

from campaigndb.embedded_server.account import clean_environment, server_account
from campaigndb.settings import Settings

HOST = "127.0.0.1"
# Debian's place for it, which is not on every user's path.
PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")

CONFIGURATION = """\
[databases]
{database} = host={host} port={port} dbname={database} user={user} password={password}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = any
pool_mode = {pool_mode}
server_round_robin = {round_robin:d}
default_pool_size = {pool_size}
max_client_conn = 300
server_tls_sslmode = disable
logfile = {folder}/log
"""


@contextmanager
def pgbouncer(
    url: URL, *, pool_size: int, pool_mode: str = "transaction", round_robin: bool = False
) -> Iterator[int]:
    """A running PgBouncer; its port. It keeps `pool_size` connections to the server at most."""
    assert PROGRAM is not None
    account = server_account(Settings(_env_file=None))
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
    port = _free_port()
    configuration = folder / "pgbouncer.ini"
    configuration.touch(mode=0o600)
    configuration.write_text(
        CONFIGURATION.format(
            database=url.database,
            host=url.host,
            port=url.port,
            user=url.username,
            password=url.password,
            listen_port=port,
            pool_size=pool_size,
            pool_mode=pool_mode,
            round_robin=round_robin,
            folder=folder,
        )
    )
    account.own(configuration)
    account.own(folder)
    process = subprocess.Popen(
        [PROGRAM, str(configuration)],
        user=account.uid if account.switched else None,
        group=account.gid if account.switched else None,
        extra_groups=[] if account.switched else None,
        cwd="/",
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_it_listens(process, port, folder / "log")
        yield port
    finally:
        process.kill()
        process.wait(10)
        shutil.rmtree(folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(log.read_text() if log.exists() else "pgbouncer did not start")
