"""The throw-away server."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from campaigndb.embedded_server import EmbeddedServerError, TemporaryServer, temporary_server
from campaigndb.settings import Settings

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")


def connect(server: TemporaryServer) -> psycopg.Connection:
    url = server.url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(url, autocommit=True)


def value(connection: psycopg.Connection, name: str) -> str:
    row = connection.execute("select current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def wait_until_gone(pid: int, folder: Path, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while folder.exists() or _runs(pid):
        assert time.monotonic() < deadline, "the server outlived its owner"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def pg_bins() -> list[object]:
    missing = not (DEBIAN_15 / "initdb").exists()
    skip = pytest.mark.skipif(missing, reason="PostgreSQL 15 is not installed")
    return [
        pytest.param(None, id="embedded"),
        pytest.param(DEBIAN_15, id="postgresql-15", marks=skip),
    ]


@pytest.mark.parametrize("pg_bin", pg_bins())
def test_it_starts_answers_survives_a_crash_and_vanishes(pg_bin: Path | None) -> None:
    settings = Settings(_env_file=None, pg_bin=pg_bin)
    # A commit waits for its record to be written: to the system's memory, which a crash of
    # the server alone does not touch.
    with temporary_server(settings, server_settings={"synchronous_commit": "on"}) as server:
        folder = server.log_path.parent
        first_pid = server.pid
        with connect(server) as connection:
            assert connection.info.server_version // 10000 == server.major_version
            assert value(connection, "server_encoding") == "UTF8"
            assert value(connection, "TimeZone") == "UTC"
            assert value(connection, "track_functions") == "pl"
            assert value(connection, "listen_addresses") == "127.0.0.1"
            assert value(connection, "unix_socket_directories") == ""
            assert value(connection, "max_connections") == "200"
            assert value(connection, "fsync") == "off"
            connection.execute("create table kept (n int)")
            connection.execute("create extension pg_stat_statements")
        if pg_bin is not None:
            assert server.major_version == 15
            assert server.bin_dir == pg_bin

        server.kill()
        with pytest.raises(psycopg.OperationalError):
            connect(server)
        server.restart()

        with connect(server) as connection:
            connection.execute("select * from kept")
        last_pid = server.pid
        assert last_pid != first_pid
    assert not folder.exists()
    assert not _runs(last_pid)


def test_servers_live_side_by_side_with_settings_of_their_own() -> None:
    settings = {"fsync": "on", "max_connections": "20"}
    with temporary_server() as one, temporary_server(server_settings=settings) as other:
        assert one.port != other.port
        with connect(other) as connection:
            assert value(connection, "fsync") == "on"
            assert value(connection, "max_connections") == "20"


def test_the_password_is_needed_and_shown_nowhere() -> None:
    with temporary_server() as server:
        password = str(server.url.password)
        command_lines = [
            word
            for process in psutil.process_iter(["cmdline"])
            for word in process.info["cmdline"] or []
        ]
        assert not [word for word in command_lines if password in word]
        assert password not in server.log_path.read_text()
        assert password not in repr(server.url)
        (secret,) = [
            path
            for path in server.log_path.parent.rglob("*")
            if path.is_file() and password.encode() in path.read_bytes()
        ]
        assert secret.stat().st_mode & 0o777 == 0o600
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(
                host="127.0.0.1", port=server.port, user="postgres", password="wrong"
            ).close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_goes_when_its_owner_is_killed(number: signal.Signals) -> None:
    code = (
        "import time\n"
        "from campaigndb.embedded_server import temporary_server\n"
        "with temporary_server() as server:\n"
        "    print(server.pid, server.log_path, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        pid, log_path = owner.stdout.readline().strip().split(" ", 1)
        assert _runs(int(pid))
        os.kill(owner.pid, number)
    wait_until_gone(int(pid), Path(log_path).parent)


def test_an_error_inside_still_removes_it() -> None:
    with contextlib.suppress(ZeroDivisionError), temporary_server() as server:
        pid, folder = server.pid, server.log_path.parent
        raise ZeroDivisionError
    assert not folder.exists()
    assert not _runs(pid)


def test_a_setting_that_postgresql_refuses_is_an_error_with_its_reason() -> None:
    with (
        pytest.raises(EmbeddedServerError, match="did not start") as raised,
        temporary_server(server_settings={"work_mem": "plenty"}),
    ):
        pass
    assert "work_mem" in str(raised.value)


def test_a_folder_without_the_programs_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(EmbeddedServerError, match="CAMPAIGNDB_PG_BIN") as raised,
        temporary_server(Settings(_env_file=None, pg_bin=tmp_path)),
    ):
        pass
    assert str(tmp_path) in str(raised.value)
