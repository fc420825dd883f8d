"""`campaigndb db`: the embedded server, and migrating a database."""

from __future__ import annotations

from typing import Annotated

import typer
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app import embedded_server
from app.cli.connection import connected, without_password
from app.cli.failures import FOUND_SOMETHING, CommandFailure
from app.cli.terminal import print_json
from app.database import database_url
from app.identifiers import quote_identifier
from app.migrations.commands import upgrade
from app.migrations.messages import describe_database_error
from app.settings import get_settings

app = typer.Typer(
    no_args_is_help=True, help="The embedded PostgreSQL server, and migrating a database."
)


@app.command()
def start() -> None:
    """Start the embedded server. Its data stays; it runs until "db stop"."""
    settings = get_settings()
    url = embedded_server.ensure_running(settings)
    print(f"PostgreSQL runs: {without_password(url)}")
    if settings.database_url is not None:
        print("The commands use DATABASE_URL, which is set, and not this server.")


@app.command()
def stop() -> None:
    """Stop the embedded server. Exit code 0 also where none runs."""
    was_running = embedded_server.stop(get_settings())
    print("PostgreSQL was stopped." if was_running else "PostgreSQL was not running.")


@app.command()
def url() -> None:
    """Print the database's address, with its password, for psql and other programs.

    It is DATABASE_URL where that is set, else the embedded server's, started if need be:
    psql "$(campaigndb db url)"
    """
    address = database_url(get_settings()).set(drivername="postgresql")
    print(address.render_as_string(hide_password=False))


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show whether the embedded server runs. Exit code 0: it runs; 1: it does not."""
    found = embedded_server.status(get_settings())
    address = without_password(found.url) if found.url is not None else None
    if as_json:
        print_json(
            {
                "running": found.running,
                "folder": str(found.folder),
                "log": str(found.log_path),
                "postgresql": found.major_version,
                "pid": found.pid,
                "port": found.port,
                "url": address,
            }
        )
    elif found.running:
        print(f"PostgreSQL {found.major_version} runs: {address}")
        print(f"process {found.pid}, folder {found.folder}, log {found.log_path}")
    else:
        print(f"PostgreSQL does not run (folder {found.folder}).")
    if not found.running:
        raise typer.Exit(FOUND_SOMETHING)


@app.command()
def migrate(
    revision: Annotated[str, typer.Argument(help="Where to migrate up to.")] = "head",
) -> None:
    """Migrate the database up, as "alembic upgrade" does. Safe to repeat."""
    settings = get_settings()
    try:
        upgrade(database_url(settings), revision, settings)
    except DBAPIError as error:
        raise CommandFailure(describe_database_error(error, settings)) from None
    with connected(settings) as engine, engine.connect() as connection:
        table = f"{quote_identifier(settings.schema_name)}.alembic_version"
        versions = connection.execute(text(f"select version_num from {table}")).scalars()  # noqa: S608
        reached = ", ".join(versions) or "base"
    print(f"The schema {settings.schema_name} is at revision {reached}.")
