"""`campaigndb db`: the embedded server and the migrations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from campaigndb import embedded_server
from campaigndb.cli.failures import FOUND_SOMETHING, CommandFailure
from campaigndb.cli.terminal import print_json, printable
from campaigndb.settings import Settings, get_settings

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy.engine import URL

app = typer.Typer(
    no_args_is_help=True, help="The embedded PostgreSQL server, and the migrations of a database."
)


@app.command()
def start() -> None:
    """Start the embedded server. It runs until "db stop", and its data is kept."""
    from campaigndb.database import without_password

    settings = get_settings()
    url = embedded_server.ensure_running(settings)
    print(f"PostgreSQL runs: {without_password(url)}")
    if settings.database_url is not None:
        print("The commands use DATABASE_URL, which is set, and not this server.")


@app.command()
def stop() -> None:
    """Stop the embedded server. Exit code 0 also if none runs."""
    was_running = embedded_server.stop(get_settings())
    print("PostgreSQL was stopped." if was_running else "PostgreSQL was not running.")


@app.command()
def url(
    database: Annotated[
        str | None, typer.Option(metavar="NAME", help="Another database on the same server.")
    ] = None,
) -> None:
    """Print the database's address, with its password, for psql and other programs.

    This is DATABASE_URL if it is set. Otherwise it is the embedded server's, which is started if
    necessary: psql "$(campaigndb db url)"
    """
    address = embedded_server.database_url(get_settings()).set(drivername="postgresql")
    if database is not None:
        address = address.set(database=database)
    print(address.render_as_string(hide_password=False))


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show whether the embedded server runs. Exit code 0: it runs; 1: it does not."""
    found = embedded_server.status(get_settings())
    if as_json:
        print_json(
            {
                "running": found.running,
                "folder": str(found.folder),
                "log": str(found.log_path),
                "postgresql": found.major_version,
                "pid": found.pid,
                "port": found.port,
                "url": found.address,
            }
        )
    elif found.running:
        print(f"PostgreSQL {found.major_version} runs: {found.address}")
        print(f"process {found.pid}, folder {found.folder}, log {found.log_path}")
    else:
        print(f"PostgreSQL does not run (folder {found.folder}).")
    if not found.running:
        raise typer.Exit(FOUND_SOMETHING)


Sql = Annotated[bool, typer.Option("--sql", help="Print a script for psql instead of connecting.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show the revisions' descriptions.")]


@app.command()
def migrate(
    revision: Annotated[
        str, typer.Argument(help="The target revision; with --sql also FROM:TO.")
    ] = "head",
    sql: Sql = False,
) -> None:
    """Migrate the database up, as "alembic upgrade" does. Safe to repeat.

    A revision older than the database's is refused. Without DATABASE_URL an embedded server is
    created.
    """
    from campaigndb.migrations import commands

    settings = get_settings()
    if sql:
        print(commands.offline_script("upgrade", revision, settings), end="")
        return
    url = embedded_server.database_url(settings, create=True)
    with _told(settings):
        commands.upgrade(url, revision, settings, refuse_lower=True)
    _print_revision(url, settings)


@app.command(context_settings={"ignore_unknown_options": True})  # -1
def downgrade(
    revision: Annotated[
        str,
        typer.Argument(
            help='The target revision, or "base" for an empty schema; with --sql FROM:TO.'
        ),
    ],
    sql: Sql = False,
) -> None:
    """Migrate the database down, as "alembic downgrade" does. Drops what the upgrades created."""
    from campaigndb.migrations import commands

    settings = get_settings()
    if sql:
        print(commands.offline_script("downgrade", revision, settings), end="")
        return
    url = embedded_server.database_url(settings)
    with _told(settings):
        commands.downgrade(url, revision, settings)
    _print_revision(url, settings)


@app.command()
def stamp(
    revision: Annotated[str, typer.Argument(help="The revision; with --sql also FROM:TO.")],
    sql: Sql = False,
    purge: Annotated[
        bool, typer.Option("--purge", help="Also replace an unknown revision.")
    ] = False,
) -> None:
    """Set the recorded revision without changing the schema, if the record was lost."""
    from alembic import command as alembic_command

    from campaigndb.migrations import commands

    settings = get_settings()
    if sql:
        print(commands.offline_script("stamp", revision, settings), end="")
        return
    url = embedded_server.database_url(settings)
    with _told(settings):
        alembic_command.stamp(_config(url, settings), revision, purge=purge)
    _print_revision(url, settings)


@app.command()
def current(verbose: Verbose = False) -> None:
    """Show the database's revision, and whether it is the newest ("head")."""
    from alembic import command as alembic_command

    settings = get_settings()
    with _told(settings):
        alembic_command.current(
            _config(embedded_server.database_url(settings), settings), verbose=verbose
        )


@app.command()
def history(
    verbose: Verbose = False,
    indicate_current: Annotated[
        bool, typer.Option("--indicate-current", "-i", help="Mark the database's revision.")
    ] = False,
) -> None:
    """List the revisions, newest first."""
    from alembic import command as alembic_command

    settings = get_settings()
    url = embedded_server.database_url(settings) if indicate_current else None
    with _told(settings):
        alembic_command.history(
            _config(url, settings), verbose=verbose, indicate_current=indicate_current
        )


@app.command()
def grants(sql: Sql = False) -> None:
    """Apply only the privileges of tables and functions, as each migration does."""
    from campaigndb.migrations import commands

    settings = get_settings()
    if sql:
        print(commands.grants_script(settings), end="")
        return
    with _told(settings):
        commands.grant(embedded_server.database_url(settings), settings)
    to = settings.app_role or "no application role (CAMPAIGNDB_APP_ROLE is not set)"
    print(printable(f"The functions of the schema {settings.schema_name} are granted to {to}."))


def _config(url: URL | None, settings: Settings) -> Config:
    from campaigndb.migrations.configuration import alembic_config

    return alembic_config(url, settings=settings, raise_errors=True)


@contextmanager
def _told(settings: Settings) -> Iterator[None]:
    """Turns a database error into the one-line message of a migration."""
    from sqlalchemy.exc import DBAPIError

    from campaigndb.migrations.messages import describe_database_error

    try:
        yield
    except DBAPIError as error:
        raise CommandFailure(describe_database_error(error, settings)) from None


def _print_revision(url: URL, settings: Settings) -> None:
    from campaigndb.migrations import commands

    reached = commands.current_revision(url, settings)
    print(f"The schema {settings.schema_name} is at revision {reached}.")
