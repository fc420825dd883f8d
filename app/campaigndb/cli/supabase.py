"""`campaigndb supabase`: files for deployments by the Supabase CLI."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from campaigndb.cli.failures import CommandFailure
from campaigndb.cli.terminal import printable
from campaigndb.migrations.supabase import write_migrations
from campaigndb.settings import get_settings

app = typer.Typer(no_args_is_help=True, help="Files for the Supabase CLI.")


@app.callback()
def _group() -> None:
    """Makes this a group although it has a single command."""


@app.command()
def migrations(
    folder: Annotated[Path, typer.Argument(help="The target folder, supabase/migrations.")],
    after: Annotated[
        str,
        typer.Option(help="Leave out the revisions up to this one, which the schema already has."),
    ] = "base",
) -> None:
    """Write the revisions into a folder, one file each, for `supabase db push`.

    Revisions that have a file already are left alone, so that the command adds the new ones after
    an upgrade of this package. It does not connect to a database.
    """
    try:
        written = write_migrations(folder, get_settings(), after)
    except ValueError as error:
        raise CommandFailure(str(error)) from None
    for path in written:
        print(printable(str(path)))
    if not written:
        print(f"{printable(str(folder))} has every revision; nothing was written.")
