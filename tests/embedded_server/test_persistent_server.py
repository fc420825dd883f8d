"""The developer's own server."""

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy.engine import URL

from campaigndb.database import without_password
from campaigndb.embedded_server import (
    EmbeddedServerError,
    database_url,
    ensure_running,
    running,
    status,
    stop,
)
from campaigndb.settings import Settings


def connect(url: URL) -> psycopg.Connection:
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True)


def data_dir(settings: Settings) -> Path:
    assert settings.data_dir is not None
    return settings.data_dir / "data"


def kill(settings: Settings) -> int:
    """End the server as a crash of the machine does; its number."""
    pid = status(settings).pid
    assert pid is not None
    main = psutil.Process(pid)
    processes = [main, *main.children(recursive=True)]
    for process in processes:
        process.kill()
    psutil.wait_procs(processes, timeout=10)
    return pid


def test_it_is_made_once_and_keeps_its_data(settings: Settings) -> None:
    assert not status(settings).running
    assert not stop(settings)

    url = ensure_running(settings)

    assert url.database == "campaigndb"
    with connect(url) as connection:
        assert connection.execute("show fsync").fetchone() == ("on",)
        connection.execute("create table kept (n int)")
    assert ensure_running(settings) == url
    found = status(settings)
    assert (found.running, found.port, found.address) == (True, url.port, without_password(url))
    assert data_dir(settings).stat().st_mode & 0o777 == 0o700

    assert stop(settings)
    assert not status(settings).running

    # The same port again, so that a saved address stays right.
    assert ensure_running(settings) == url
    with connect(url) as connection:
        connection.execute("select * from kept")


def test_ten_processes_at_once_start_one_server(settings: Settings) -> None:
    code = (
        "from campaigndb.embedded_server import ensure_running, status\n"
        "url = ensure_running()\n"
        "print(url.port, status().pid)\n"
    )
    environment = os.environ | {"CAMPAIGNDB_DATA_DIR": str(settings.data_dir)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(10)
    ]
    printed = {process.communicate()[0] for process in processes}
    assert [process.returncode for process in processes] == [0] * 10, printed
    assert printed == {f"{status(settings).port} {status(settings).pid}\n"}


def test_it_recovers_after_a_crash(settings: Settings) -> None:
    with connect(ensure_running(settings)) as connection:
        connection.execute("create table kept as select 1 as n")
    killed = kill(settings)
    assert not status(settings).running

    url = ensure_running(settings)

    assert status(settings).pid != killed
    with connect(url) as connection:
        assert connection.execute("select n from kept").fetchone() == (1,)


def test_a_lock_file_with_the_number_of_another_process_is_stale(settings: Settings) -> None:
    """After a reboot the number in the lock file is often somebody else's."""
    ensure_running(settings)
    lock_file = data_dir(settings) / "postmaster.pid"
    lines = lock_file.read_text().splitlines()
    kill(settings)
    owner = lock_file.stat()
    with subprocess.Popen(
        ["sleep", "60"],
        user=owner.st_uid if os.geteuid() == 0 else None,
    ) as somebody:
        lock_file.write_text("\n".join([str(somebody.pid), *lines[1:]]) + "\n")
        try:
            with connect(ensure_running(settings)) as connection:
                connection.execute("select 1")
            assert somebody.poll() is None
        finally:
            somebody.kill()


def test_a_port_that_somebody_took_is_left_to_them(settings: Settings) -> None:
    first = ensure_running(settings)
    stop(settings)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", first.port or 0))
        other.listen()

        second = ensure_running(settings)

        assert second.port != first.port
        with connect(second) as connection:
            connection.execute("select 1")


def test_a_copied_folder_starts_a_server_of_its_own(settings: Settings) -> None:
    url = ensure_running(settings)
    assert settings.data_dir is not None
    copied = replace(settings, data_dir=settings.data_dir.with_name("copy of the state"))
    with connect(url) as connection:
        connection.execute("checkpoint")
        subprocess.run(
            ["cp", "-a", str(settings.data_dir), str(copied.data_dir)], check=True, timeout=60
        )
    try:
        assert not status(copied).running
        assert ensure_running(copied).port != url.port
        assert status(settings).address == without_password(url)
    finally:
        stop(copied)


def test_data_of_another_major_version_is_refused(settings: Settings) -> None:
    ensure_running(settings)
    version = status(settings).major_version
    stop(settings)
    (data_dir(settings) / "PG_VERSION").write_text("12\n")

    with pytest.raises(EmbeddedServerError) as raised:
        ensure_running(settings)

    for part in (str(data_dir(settings)), "PostgreSQL 12", f"PostgreSQL {version}"):
        assert part in str(raised.value)


def test_running_stops_only_what_it_started(settings: Settings) -> None:
    with running(settings) as url:
        assert status(settings).running
        # What the block itself calls does not keep the server for longer.
        assert database_url(settings) == url
        with running(settings) as again:
            assert again == url
        assert status(settings).running
        assert database_url(settings) == url
    assert not status(settings).running

    ensure_running(settings)
    with running(settings):
        pass
    assert status(settings).running


def test_running_leaves_the_server_to_another_process_that_still_uses_it(
    settings: Settings,
) -> None:
    code = (
        "from campaigndb.embedded_server import running\n"
        "with running():\n"
        "    print(flush=True)\n"
        "    input()\n"
    )
    environment = os.environ | {"CAMPAIGNDB_DATA_DIR": str(settings.data_dir)}
    with running(settings):
        other = subprocess.Popen(
            [sys.executable, "-c", code],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert other.stdout is not None
        assert other.stdout.readline() == b"\n"
    assert status(settings).running
    other.communicate(b"\n")
    assert other.returncode == 0
    assert not status(settings).running


def test_an_interrupted_initdb_is_made_again(settings: Settings) -> None:
    assert settings.data_dir is not None
    half_made = settings.data_dir / "data.unfinished"
    half_made.mkdir(parents=True)
    settings.data_dir.chmod(0o711)
    (half_made / "PG_VERSION").touch()
    (settings.data_dir / "password").write_text("from before")

    with connect(ensure_running(settings)) as connection:
        connection.execute("select 1")


def test_a_lost_password_is_explained(settings: Settings) -> None:
    ensure_running(settings)
    assert settings.data_dir is not None
    (settings.data_dir / "password").unlink()
    with pytest.raises(EmbeddedServerError, match="password is missing: remove"):
        ensure_running(settings)


def test_a_folder_that_is_a_data_folder_itself_is_left_alone(open_folder: Path) -> None:
    (open_folder / "PG_VERSION").write_text("15\n")
    with pytest.raises(EmbeddedServerError, match="is itself a PostgreSQL data folder"):
        ensure_running(Settings(_env_file=None, data_dir=open_folder))
    assert [path.name for path in open_folder.iterdir()] == ["PG_VERSION"]


def test_a_given_database_starts_nothing(settings: Settings) -> None:
    url = database_url(
        Settings(_env_file=None, data_dir=settings.data_dir, database_url="postgres://u:p@db/x")
    )
    assert url.render_as_string(hide_password=False) == "postgresql+psycopg://u:p@db/x"
    assert not data_dir(settings).exists()
