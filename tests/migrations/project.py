"""The project's folders as a copy in which a test may write."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from campaigndb.migrations import configuration, functions

# The revision that is released, and the numbers of the next two.
LATEST = max(
    path.name[:4] for path in (configuration.ALEMBIC_FOLDER / "versions").glob("[0-9]*.py")
)
NEXT, NEXT_BUT_ONE = (f"{int(LATEST) + step:04}" for step in (1, 2))

REVISION = """\
import sqlalchemy as sa
from alembic import op
from campaigndb.migrations.functions import replace_functions, restore_functions
from campaigndb.migrations.indexes import create_index_concurrently, drop_index_concurrently

revision, down_revision = "{number}", "{previous}"
FUNCTIONS = {functions}


def upgrade():
    {upgrade}
    replace_functions(FUNCTIONS)


def downgrade():
    restore_functions(FUNCTIONS)
    {downgrade}
"""


class Project:
    """The project's folders, copied: what is written there changes nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.heads = folder / "functions"
        self.alembic = folder / "alembic"
        shutil.copytree(functions.HEAD_FOLDER, self.heads)
        shutil.copytree(
            configuration.ALEMBIC_FOLDER,
            self.alembic,
            ignore=shutil.ignore_patterns("__pycache__"),
        )

        # The file's script_location is the folder beside the package.
        ini = configuration.ALEMBIC_INI.read_text(encoding="utf-8")
        installed = "script_location = app:..:alembic\n"
        copied = "script_location = %(here)s/alembic\n"
        assert installed in ini
        (folder / "alembic.ini").write_text(ini.replace(installed, copied), encoding="utf-8")

    def add_revision(
        self,
        number: str,
        previous: str,
        upgrade: str = "pass",
        downgrade: str = "pass",
        functions: Iterable[str] = (),
    ) -> None:
        """Writes a revision of one-line statements; `functions` get a comment more each."""
        replaced = {}
        for name in functions:
            frozen = sorted((self.alembic / "functions").glob(f"{name}.*.sql"))
            text = frozen[-1].read_text(encoding="utf-8")
            assert text.count("\nbegin\n") == 1
            copy = self.alembic / "functions" / f"{name}.{number}.sql"
            copy.write_text(
                text.replace("\nbegin\n", f"\nbegin\n  -- As of {number}.\n"), encoding="utf-8"
            )
            replaced[name] = (number, frozen[-1].name.split(".")[1])
        (self.alembic / "versions" / f"{number}_of_a_test.py").write_text(
            REVISION.format(
                number=number,
                previous=previous,
                upgrade=upgrade,
                downgrade=downgrade,
                functions=replaced,
            ),
            encoding="utf-8",
        )

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.heads / f"{name}.sql"
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), encoding="utf-8")

    def files(self) -> set[str]:
        return {
            str(path.relative_to(self.alembic))
            for path in self.alembic.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
