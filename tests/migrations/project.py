"""The project's folders as a copy in which a test may write."""

from __future__ import annotations

import shutil
from pathlib import Path

from app.migrations import configuration, functions

# The revision that is released, and the numbers of the next two.
LATEST = max(
    path.name[:4] for path in (configuration.ALEMBIC_FOLDER / "versions").glob("[0-9]*.py")
)
NEXT, NEXT_BUT_ONE = (f"{int(LATEST) + step:04}" for step in (1, 2))


class Project:
    """The project's folders, copied: what is written there changes nothing else."""

    def __init__(self, folder: Path) -> None:
        self.heads = folder / "functions"
        self.alembic = folder / "alembic"
        shutil.copytree(functions.HEAD_FOLDER, self.heads)
        shutil.copytree(
            configuration.ALEMBIC_FOLDER,
            self.alembic,
            ignore=shutil.ignore_patterns("__pycache__"),
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
