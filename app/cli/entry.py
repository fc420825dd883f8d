"""The console script: ready for Ctrl-C before it imports what takes half a second."""

from __future__ import annotations

import sys
from typing import NoReturn

INTERRUPTED = 130


def run() -> NoReturn:
    try:
        from app.cli.main import run as run_command_line

        run_command_line()
    except KeyboardInterrupt:
        print("campaigndb: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
