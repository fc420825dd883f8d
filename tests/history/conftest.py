"""`campaigndb history`, in a copy of the project where anything may be broken."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy.engine import URL

from app.cli import history as cli
from app.cli.main import run_command
from app.embedded_server.account import server_account
from app.embedded_server.programs import find_programs
from app.migrations import checksums, configuration, functions, history
from app.settings import Settings
from tests.migrations.databases import new_database
from tests.migrations.project import LATEST, NEXT
from tests.project_copy import Copy

REVISION = f"""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "{NEXT}", "{LATEST}"


def upgrade():
    pass


def downgrade():
    pass
"""


class HistoryCopy(Copy):
    def check(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        # The real database's roles and schema are of no concern.
        return self.run(
            "history",
            "check",
            *arguments,
            DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing",
            CAMPAIGNDB_APP_ROLE="no_such_role",
            CAMPAIGNDB_SCHEMA="tenant",
        )

    def seal(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("history", "seal", *arguments)

    def add_revision(
        self, upgrade: str = "pass", downgrade: str = "pass", more: str = "", name: str = NEXT
    ) -> str:
        """Writes a revision after the latest one, and seals it; its path."""
        path = f"alembic/versions/{name}_added.py"
        up, down, end = REVISION.partition("def downgrade():\n    pass")
        up = up.replace("    pass", f"    {upgrade}").replace(f'"{NEXT}"', f'"{name}"')
        text = f"{up}{down.replace('    pass', f'    {downgrade}')}{end}{more}"
        (self.folder / path).write_text(text)
        checksums.add([self.folder / path])
        return path


@dataclass(frozen=True)
class Checked:
    exit_code: int
    problems: list[str]


class StandIn(NamedTuple):
    """As much as the check needs of a throw-away server: here a database of the test's server."""

    url: URL
    bin_dir: Path


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HistoryCopy:
    """A copy of the project; the revisions of this process are the copy's too."""
    copy = HistoryCopy(tmp_path / "a copy")
    alembic = copy.folder / "alembic"
    monkeypatch.setattr(configuration, "ALEMBIC_FOLDER", alembic)
    monkeypatch.setattr(functions, "HEAD_FOLDER", copy.folder / "app" / "functions")
    monkeypatch.setattr(functions, "FROZEN_FOLDER", alembic / "functions")
    monkeypatch.setattr(checksums, "ALEMBIC_FOLDER", alembic)
    monkeypatch.setattr(checksums, "SUMS_PATH", alembic / "SHA256SUMS")
    return copy


@pytest.fixture
def check(
    copy: HistoryCopy,
    server_url: URL,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[[], Checked]:
    """`campaigndb history check` of the copy, in this process: half of the time of one's own."""
    settings = Settings(_env_file=None)
    bin_dir = find_programs(settings, server_account(settings)).bin_dir

    @contextmanager
    def stand_in(_: Settings) -> Iterator[StandIn]:
        with new_database(server_url) as url:
            yield StandIn(url, bin_dir)

    monkeypatch.setattr(history, "temporary_server", stand_in)
    monkeypatch.setattr(cli, "get_settings", lambda: settings)

    def run() -> Checked:
        capsys.readouterr()
        exit_code = run_command(["history", "check"])
        return Checked(exit_code, capsys.readouterr().out.splitlines())

    return run


@pytest.fixture
def sums(copy: HistoryCopy) -> Callable[..., list[str]]:
    """Finds the problems with the copy's sums alone."""
    return lambda against=None: list(checksums.problems(checksums.released(against)))
