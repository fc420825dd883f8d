"""The target of an export: standard output, or a file that appears when it is complete."""

from __future__ import annotations

import contextlib
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from campaigndb.operations.exporter.errors import ExportError


@contextmanager
def opened(path: Path | None, *, force: bool) -> Iterator[BinaryIO]:
    """Opens a file that gets its name at the end of the block. None: standard output.

    Until then it has a temporary name in the same folder, and is removed if the block fails. A file
    with the final name is therefore always complete.

    Raises:
        ExportError: the file exists and `force` is not set, or it cannot be written.
    """
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if path.is_dir():
        raise ExportError(f"{path} is a folder")
    if not force and path.exists():
        raise _exists(path)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _rename(part, path, force=force)
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def _rename(part: Path, path: Path, *, force: bool) -> None:
    if force:
        part.replace(path)
        return
    try:
        # Unlike a rename, a link does not replace a file that was created meanwhile.
        path.hardlink_to(part)
    except FileExistsError:
        raise _exists(path) from None
    except OSError:  # a file system without links
        part.replace(path)


def _exists(path: Path) -> ExportError:
    return ExportError(f"{path} is there already: --force replaces it")
