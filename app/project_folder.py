"""Which folder is the project's: where its `.env` and the embedded server's data are looked for."""

from __future__ import annotations

from pathlib import Path

_MARKS = (".campaigndb", "pyproject.toml", ".git")


def project_folder() -> Path:
    """The nearest folder upwards that looks like a project's root; else the working one."""
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if any((folder / mark).exists() for mark in _MARKS):
            return folder
    return here


def env_file() -> Path | None:
    """The nearest `.env` from the working folder up to the project's root; None if there is none.

    From any subfolder it is the one that the root's commands read: both mean one database.
    """
    here, root = Path.cwd().resolve(), project_folder()
    for folder in (here, *here.parents):
        file = folder / ".env"
        if file.is_file() or file.is_fifo():
            return file
        if folder == root:
            break
    return None
