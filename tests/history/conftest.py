"""`campaigndb history`, in a copy of the project where anything may be broken."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy.engine import URL

from campaigndb.cli import history as cli
from campaigndb.cli.main import run_command
from campaigndb.embedded_server.account import server_account
from campaigndb.embedded_server.programs import find_programs
from campaigndb.migrations import (
    checksums,
    configuration,
    functions,
    history,
    unsafe_operations,
)
from campaigndb.settings import Settings
from tests.migrations.databases import new_database
from tests.migrations.project import LATEST, NEXT
from tests.support.project_copy import Copy

REVISION = f"""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "{NEXT}", "{LATEST}"


def upgrade():
    pass


def downgrade():
    pass
"""


# Without the round trip of each of the project's revisions: `make check` has it, and
# tests/migrations/test_up_and_down.py.
CHECK = """
from campaigndb.cli.entry import run
from campaigndb.migrations import history
from campaigndb.migrations.commands import upgrade

def only_up(server, revisions, settings):
    upgrade(server.url, "head", settings)
    return ()

history.round_trip_problems = only_up
run()
"""


class HistoryCopy(Copy):
    def check(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        # The real database's roles and schema are of no concern.
        return self.run(
            "history",
            "check",
            *arguments,
            program=("-c", CHECK),
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
    monkeypatch.setattr(functions, "HEAD_FOLDER", copy.folder / "app" / "campaigndb" / "functions")
    monkeypatch.setattr(functions, "FROZEN_FOLDER", alembic / "functions")
    monkeypatch.setattr(checksums, "ALEMBIC_FOLDER", alembic)
    monkeypatch.setattr(checksums, "SUMS_PATH", alembic / "SHA256SUMS")
    return copy


@pytest.fixture
def check(
    copy: HistoryCopy,
    server_url: URL,
    postgresql_noproc: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[[], Checked]:
    """`campaigndb history check` of the copy, in this process, and of what the test adds alone.

    The project's own revisions are there already: `make check` checks them.
    """
    settings = Settings(_env_file=None)
    bin_dir = find_programs(settings, server_account(settings)).bin_dir

    @contextmanager
    def stand_in(_: Settings) -> Iterator[StandIn]:
        with new_database(server_url, postgresql_noproc.template_dbname) as url:
            yield StandIn(url, bin_dir)

    def added_alone(problems: Callable[..., Iterator[str]]) -> Callable[..., Iterator[str]]:
        def of_added(*arguments: Any) -> Iterator[str]:
            return problems(
                *(
                    [each for each in argument if each.revision > LATEST]
                    if isinstance(argument, list)
                    else argument
                    for argument in arguments
                )
            )

        return of_added

    for module, name in ((history, "round_trip_problems"), (unsafe_operations, "problems")):
        monkeypatch.setattr(module, name, added_alone(getattr(module, name)))
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
