"""`campaigndb history`: checks the revisions and their checksums."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from campaigndb.cli.failures import FOUND_SOMETHING
from campaigndb.cli.terminal import notice, printable
from campaigndb.migrations import checksums, history, revise
from campaigndb.settings import get_settings

app = typer.Typer(no_args_is_help=True, help="Check the revisions and their checksums.")

Against = Annotated[
    str | None,
    typer.Option(
        metavar="COMMIT",
        help="The commit whose revisions are released. "
        "Default: the main branch where this branch left it, and the newest tag.",
    ),
]


@app.command()
def check(against: Against = None) -> None:
    """Check the history of revisions, on a temporary server.

    Released files are unchanged, functions are frozen, revisions form one line and run up, down and
    up, tables match the code, and no operation is unsafe. Exit code 0: no problem; 1: problems; 2:
    the check could not run.
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

    If a released revision changed, this is refused and nothing is written.
    """
    changed = checksums.seal(checksums.released(against))
    for name in changed:
        print(name)
    if not changed:
        print("Every sum is up to date.")


@app.command()
def renumber(
    old: Annotated[str, typer.Argument(help="The number that another branch also used.")],
    new: Annotated[str, typer.Argument(help="The new number.")],
    against: Against = None,
) -> None:
    """Give an unreleased revision another number, after another branch was merged first.

    Its frozen copies are copied again from the functions' files, and the checksums are refreshed.
    """
    for path in revise.renumber(old, new, checksums.released(against)):
        print(os.path.relpath(path))
