"""`campaigndb erase`: erases a person from all tables, or shows what is stored."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from campaigndb.cli.connection import connected_store
from campaigndb.cli.failures import CommandFailure
from campaigndb.cli.terminal import print_json
from campaigndb.operations.counted import counted


def erase(
    email: Annotated[
        str, typer.Argument(metavar="EMAIL", help="The email address, in any letter case.")
    ],
    show: Annotated[
        bool, typer.Option("--show", help="Only print the stored data, as JSON.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Erase an address, with the names, titles and profiles that came with it, for good.

    The address is suppressed first, so that later records are stored without it. Other users are
    not blocked while the tables are searched. Runs as the role that may only call the functions.

    Exit code 0: erased, or nothing was stored; 2: it could not run, or nobody confirmed it.
    """
    with connected_store() as store:
        stored = store.get_contact(email)
        if show:
            print_json(
                {
                    "email": email,
                    "is_suppressed": stored.is_suppressed,
                    "is_erased": stored.is_erased,
                    "tables": stored.tables,
                }
            )
            return
        if not yes:
            for table, rows in stored.tables.items():
                print(f"{table}: {counted(len(rows), 'row')}")
            if not stored.tables:
                print("nothing is stored of it; it would be left out of what comes")
            if not sys.stdin.isatty():
                raise CommandFailure("erasing cannot be undone: --yes erases without asking")
            if not typer.confirm("Erase it in these rows? It cannot be undone.", err=True):
                raise CommandFailure("nothing was erased")
        store.suppress_contacts([{"email": email, "is_erased": True}])
        erased = store.erase_contact(email)
    for table, count in erased.counts.items():
        print(f"{table}: {counted(count, 'row')} erased")
    print(f"{counted(erased.erased, 'row')} erased; what brings the address again comes without it")
