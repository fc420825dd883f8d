"""Folders for servers of the tests' own: nothing here uses the shared test server."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.embedded_server import stop
from app.settings import Settings


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that the server's user can enter, as pytest's own is not when root runs it."""
    folder = Path(tempfile.mkdtemp(prefix="embedded server ")).resolve()
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def settings(open_folder: Path) -> Iterator[Settings]:
    """The settings of a persistent server, which is stopped after the test."""
    settings = Settings(_env_file=None, database_url=None, data_dir=open_folder / "state")
    yield settings
    stop(settings)
