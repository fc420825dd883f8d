"""`campaigndb history`, in a copy of the project where anything may be broken."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from app.migrations import checksums
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


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HistoryCopy:
    """A copy of the project; `checksums` in this process are the copy's too."""
    copy = HistoryCopy(tmp_path / "a copy")
    monkeypatch.setattr(checksums, "ALEMBIC_FOLDER", copy.folder / "alembic")
    monkeypatch.setattr(checksums, "SUMS_PATH", copy.folder / "alembic" / "SHA256SUMS")
    return copy


@pytest.fixture
def sums(copy: HistoryCopy) -> Callable[..., list[str]]:
    """Finds the problems with the copy's sums alone."""
    return lambda against=None: list(checksums.problems(checksums.released(against)))
