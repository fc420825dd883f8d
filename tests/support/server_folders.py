"""Folders for servers of the tests' own, in memory where there is room."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from campaigndb.embedded_server.temporary import memory_folder


@contextmanager
def server_folder(prefix: str) -> Iterator[Path]:
    """A folder that the server's user can enter, as pytest's own is not when root runs it."""
    parent = memory_folder()
    # Some tests copy programs there and run them.
    if parent is not None and os.statvfs(parent).f_flag & os.ST_NOEXEC:
        parent = None
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent)).resolve()
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
