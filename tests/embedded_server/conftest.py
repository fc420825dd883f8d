"""Folders for servers of the tests' own: nothing here uses the shared test server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigndb.embedded_server import stop
from campaigndb.settings import Settings
from tests.support.server_folders import server_folder


@pytest.fixture
def open_folder() -> Iterator[Path]:
    with server_folder("embedded server ") as folder:
        yield folder


@pytest.fixture
def settings(open_folder: Path) -> Iterator[Settings]:
    """The settings of a persistent server, which is stopped after the test."""
    settings = Settings(_env_file=None, database_url=None, data_dir=open_folder / "state")
    yield settings
    stop(settings)
