"""`campaigndb history`: the revisions keep their rules, and what is released never changes."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.failures import FOUND_SOMETHING
from app.cli.terminal import notice, printable
from app.migrations import checksums, history
from app.settings import get_settings

app = typer.Typer(
    no_args_is_help=True, help="The revisions: whether they keep their rules, and their sums."
)

Against = Annotated[
    str | None,
    typer.Option(
        metavar="COMMIT",
        help="What this commit holds is released, and nothing else. "
        "Default: the main branch, where this work left it, and the newest tag.",
    ),
]


@app.command()
def check(against: Against = None) -> None:
    """Check the history of revisions, on a throw-away server.

    No released file changed, heads are frozen, one line of revisions, each up, down and up, tables
    as in the code, nothing unsafe. Exit code 0: all is well; 1: not; 2: it could not be told.
    """
    released = checksums.released(against)
    if released.doubt:
        notice(f"what is released is not fully known: {released.doubt} (--against COMMIT)")
    found = 0
    for problem in history.problems(get_settings(), released):
        print(printable(problem), flush=True)
        found += 1
    if found:
        raise typer.Exit(FOUND_SOMETHING)
    print("The history of revisions is sound.")


@app.command()
def seal(against: Against = None) -> None:
    """Refresh alembic/SHA256SUMS for revisions that are not released.

    Refused, with nothing written, where a released one changed.
    """
    changed = checksums.seal(checksums.released(against))
    for name in changed:
        print(name)
    if not changed:
        print("Every sum is up to date.")
