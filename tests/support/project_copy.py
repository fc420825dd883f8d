"""A copy of the project, with a process of its own, in which anything may be changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).parents[2]
SECONDS = 100


class Copy:
    """The folders that the command line needs; `run` runs it there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # With what is compiled already: it stays valid for files that a test leaves alone.
        ignored = shutil.ignore_patterns("data")
        for name in ("app", "alembic", "benchmarks", "examples"):
            shutil.copytree(PROJECT / name, folder / name, ignore=ignored)
        for name in ("alembic.ini", "pyproject.toml"):
            shutil.copy(PROJECT / name, folder)

    def run(
        self, *arguments: str, program: Sequence[str] = ("-m", "campaigndb.cli"), **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """`campaigndb` with these arguments, of this copy."""
        return subprocess.run(
            [sys.executable, *program, *arguments],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": f"{self.folder / 'app'}:{self.folder}"} | environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def replace(self, path: str, old: str, new: str) -> None:
        file = self.folder / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def git(self, *arguments: str) -> str:
        """Git's answer in this copy, as nobody in particular."""
        settings = ("user.name=Nobody", "user.email=nobody@example.invalid")
        return subprocess.run(
            ["git", *(part for setting in settings for part in ("-c", setting)), *arguments],
            cwd=self.folder,
            # Not the repository of a hook that runs the tests.
            env={name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        ).stdout.strip()

    def commit(self, message: str) -> str:
        """Commits everything; the commit's name."""
        if not (self.folder / ".git").exists():
            self.git("init", "--quiet", "--initial-branch=main")
            (self.folder / ".gitignore").write_text("__pycache__/\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")
