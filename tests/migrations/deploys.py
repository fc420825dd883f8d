"""The program `alembic` in processes of its own, many of which start at once."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from alembic.config import main
from sqlalchemy.engine import URL

from campaigndb.migrations import configuration, functions
from tests.migrations.programs import SECONDS, clean_environment
from tests.support.processes import processes


@dataclass(frozen=True)
class Deploy:
    """A running `alembic`, and where it writes what it says."""

    process: BaseProcess
    output: Path

    def exit_code(self) -> int | None:
        """Waits for its end; negative: the signal that ended it."""
        self.process.join(SECONDS)
        if self.process.exitcode is None:
            self.process.kill()
        return self.process.exitcode

    def said(self) -> str:
        return self.output.read_text(encoding="utf-8")


def start_deploy(
    *arguments: str, url: URL, folder: Path, project: Path | None = None, **settings: str
) -> Deploy:
    """`project` is the folder of a copy of the project (see project.py), to migrate by its
    revisions; `folder` is where the process runs and its output goes."""
    output = folder / f"deploy-{uuid.uuid4().hex}"
    environment = clean_environment() | settings
    environment["DATABASE_URL"] = url.set(drivername="postgresql").render_as_string(
        hide_password=False
    )
    process = processes.Process(
        target=_alembic, args=(arguments, environment, str(output), project), daemon=True
    )
    process.start()
    return Deploy(process, output)


def _alembic(
    arguments: tuple[str, ...], environment: dict[str, str], output: str, project: Path | None
) -> None:
    os.chdir(Path(output).parent)
    os.environ.clear()
    os.environ.update(environment)
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    ini = configuration.ALEMBIC_INI
    if project is not None:
        functions.HEAD_FOLDER = project / "functions"
        functions.FROZEN_FOLDER = project / "alembic" / "functions"
        configuration.ALEMBIC_FOLDER = project / "alembic"
        ini = project / "alembic.ini"
    main(argv=["-c", str(ini), *arguments])
