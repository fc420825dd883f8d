"""What Alembic's environment says while it works, and something to happen right then."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def at_first_message(words: str, act: Callable[[], Any]) -> Iterator[list[str]]:
    """Calls `act` when Alembic's environment first says something with these words in it."""
    messages: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if words in record.getMessage():
                messages.append(record.getMessage())
                if len(messages) == 1:
                    act()

    handler = Handler()
    logging.getLogger("alembic.env").addHandler(handler)
    try:
        yield messages
    finally:
        logging.getLogger("alembic.env").removeHandler(handler)
