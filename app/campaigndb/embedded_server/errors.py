"""The error of the embedded server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class EmbeddedServerError(Exception):
    """One line that says what is wrong; where they help, the server's last log lines follow."""


@contextmanager
def file_errors_explained() -> Iterator[None]:
    """An unreadable or full folder is the user's to mend: one line, not a traceback."""
    try:
        yield
    except OSError as error:
        raise EmbeddedServerError(f"the embedded PostgreSQL cannot run: {error}") from error
