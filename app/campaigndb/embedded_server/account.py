"""The operating system's user that the server's programs run as.

PostgreSQL refuses to run as root. Root therefore runs it as an unprivileged user. No user is
created, and no existing folder is opened to the user.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from campaigndb.embedded_server.errors import EmbeddedServerError
from campaigndb.settings import Settings


@dataclass(frozen=True)
class Account:
    """A user. `switched`: root starts the programs as this user."""

    name: str
    uid: int
    gid: int
    switched: bool

    def run(
        self, *arguments: str | Path, timeout: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as this user and collect what it prints."""
        try:
            return subprocess.run(
                [str(argument) for argument in arguments],
                user=self.uid if self.switched else None,
                group=self.gid if self.switched else None,
                extra_groups=[] if self.switched else None,
                # The caller's folder may be closed to this user.
                cwd="/",
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            program = Path(arguments[0]).name
            raise EmbeddedServerError(f"{program} did not end within {timeout:g} s") from None

    def can_enter(self, folder: Path) -> bool:
        """Whether the user can enter a folder. Tried, because modes, groups and ACLs decide."""
        try:
            return self.run("/bin/sh", "-c", 'cd -- "$1"', "sh", folder).returncode == 0
        except PermissionError:
            return False

    def own(self, path: Path | int) -> None:
        """Makes the user the file's owner, if root runs the programs."""
        if self.switched:
            os.chown(path, self.uid, self.gid)


def clean_environment() -> dict[str, str]:
    """An environment without PG… variables, so that no password reaches the server."""
    kept = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    # English messages, by which a port in use is recognised in the log.
    return environment | {"LC_ALL": "C", "TZ": "UTC"}


def server_account(settings: Settings) -> Account:
    """The caller, or for root the user that the settings name."""
    if os.geteuid() != 0:
        return _account(os.geteuid(), switched=False)
    try:
        entry = pwd.getpwnam(settings.server_user)
    except KeyError:
        raise EmbeddedServerError(
            f"there is no user {settings.server_user} to run PostgreSQL as: "
            "set CAMPAIGNDB_SERVER_USER to an unprivileged user"
        ) from None
    if entry.pw_uid == 0:
        raise EmbeddedServerError(
            "PostgreSQL does not run as root: set CAMPAIGNDB_SERVER_USER to an unprivileged user"
        )
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switched=True)


def owner_account(path: Path) -> Account | None:
    """For root: the unprivileged owner of an existing data folder.

    A developer's server then also starts under sudo.
    """
    if os.geteuid() != 0 or not path.exists():
        return None
    uid = path.lstat().st_uid
    return _account(uid, switched=True) if uid != 0 else None


def user_name(uid: int) -> str:
    """The user's name, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _account(uid: int, *, switched: bool) -> Account:
    try:
        gid = pwd.getpwuid(uid).pw_gid
    except KeyError:
        # Containers run as numbers that have no name.
        gid = uid
    return Account(user_name(uid), uid, gid, switched)
