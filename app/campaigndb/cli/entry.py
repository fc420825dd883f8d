"""The console script. It handles Ctrl-C and `--version` before it imports the commands.

`campaigndb --version` takes little longer than the start of the interpreter.
"""

from __future__ import annotations

import sys
from typing import NoReturn

from campaigndb import __version__

PROGRAM = "campaigndb"
COULD_NOT_RUN = 2
INTERRUPTED = 130


def run() -> NoReturn:
    """Runs the command line and exits with its exit code."""
    if sys.argv[1:] == ["--version"] and sys.stdout is not None:
        print(PROGRAM, __version__)
        sys.exit()
    try:
        from campaigndb.cli.main import run as run_command_line

        run_command_line()
    except KeyboardInterrupt:
        _end("interrupted", INTERRUPTED)
    except ModuleNotFoundError as error:
        from campaigndb.cli.extras import missing_extra

        line = missing_extra(error)
        if line is None:
            raise
        _end(line, COULD_NOT_RUN)


def _end(line: str, exit_code: int) -> NoReturn:
    print(f"{PROGRAM}: {line}", file=sys.stderr)
    sys.exit(exit_code)
