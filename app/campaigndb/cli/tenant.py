"""`campaigndb tenant`: one schema for each tenant, each with its own migrations."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from campaigndb.cli.failures import FOUND_SOMETHING, CommandFailure
from campaigndb.cli.terminal import cell, new_table, notice, output_console, print_json, printable
from campaigndb.embedded_server import database_url
from campaigndb.migrations.messages import describe_database_error
from campaigndb.operations.counted import counted
from campaigndb.operations.tenants.citus import is_installed
from campaigndb.operations.tenants.lifecycle import create_tenant, drop_tenant, move_tenant
from campaigndb.operations.tenants.registry import get_tenant, list_tenants, owner_connection
from campaigndb.operations.tenants.roles import naming_the_role
from campaigndb.operations.tenants.upgrades import upgrade_tenants
from campaigndb.settings import get_settings

app = typer.Typer(
    no_args_is_help=True, help="Tenants: one schema each, in one database or on a Citus cluster."
)

Name = Annotated[str, typer.Argument(help="The tenant's name.", show_default=False)]
AppRole = Annotated[
    str | None,
    typer.Option(
        help="The role that may execute only this tenant's functions. Default: "
        "CAMPAIGNDB_TENANT_APP_ROLE, else its current role, else CAMPAIGNDB_APP_ROLE."
    ),
]


@app.command()
def create(name: Name, app_role: AppRole = None) -> None:
    """Create a tenant: its schema with everything in it, in one transaction.

    On a Citus cluster the schema is placed on one of its nodes.
    """
    settings = get_settings()
    url = database_url(settings, create=True)
    try:
        tenant = create_tenant(url, name, settings, app_role=app_role)
    except DBAPIError as error:
        problem = describe_database_error(error, settings)
        raise CommandFailure(naming_the_role(problem, settings, app_role)) from None
    roles = ", ".join(tenant.granted_roles) or "no application role"
    print(
        f"The tenant {tenant.name}: schema {tenant.schema}, revision {tenant.revision},"
        f" {printable(roles)}."
    )


@app.command("list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="For machines; sizes in bytes.")] = False,
) -> None:
    """List the tenants: revision, application role, size, and the node of a Citus cluster."""
    settings = get_settings()
    with owner_connection(database_url(settings), settings) as connection:
        tenants = list_tenants(connection, settings, with_sizes=True)
        is_cluster = is_installed(connection)
    if as_json:
        print_json([asdict(tenant) for tenant in tenants])
        return
    columns = ["tenant", "schema", "revision", "role", "bytes", *(["node"] if is_cluster else [])]
    table = new_table(*columns, right=("bytes",))
    for tenant in tenants:
        values = [
            tenant.name,
            tenant.schema,
            "?" if tenant.revision is None else tenant.revision or "base",
            tenant.granted_roles,
            tenant.size,
            *([tenant.node] if is_cluster else []),
        ]
        table.add_row(*map(cell, values))
    output_console().print(table)
    for tenant in tenants:
        if tenant.problem is not None:
            notice(f"tenant {tenant.name}: {tenant.problem}")


@app.command()
def upgrade(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Which tenants.")
    ] = None,
    all_tenants: Annotated[
        bool, typer.Option("--all", help="All tenants, several at once, even if some fail.")
    ] = False,
    revision: Annotated[str, typer.Option(help="The target revision.")] = "head",
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Number of tenants at once. Default: CAMPAIGNDB_TENANT_JOBS, 4."),
    ] = None,
    app_role: AppRole = None,
) -> None:
    """Migrate tenants up. Safe to repeat: tenants at the target revision are left alone.

    Prints one line for each tenant. Exit code 0: all are at the revision; 1: some failed, the
    others are at the revision; 2: it could not start.
    """
    if all_tenants == bool(names):
        raise CommandFailure("name the tenants, or say --all")
    if app_role is not None and (all_tenants or len(names or ()) > 1):
        raise CommandFailure("--app-role is for one tenant: each has a role of its own")
    settings = get_settings()
    url = database_url(settings)
    with owner_connection(url, settings) as connection:
        tenants = (
            list_tenants(connection, settings)
            if all_tenants
            else [get_tenant(connection, name, settings) for name in dict.fromkeys(names or ())]
        )
    failed = 0
    for done in upgrade_tenants(
        url, tenants, settings, revision=revision, jobs=jobs, app_role=app_role
    ):
        print(printable(done.line), flush=True)
        failed += done.failure is not None
    if failed:
        raise CommandFailure(
            f"{failed} of {counted(len(tenants), 'tenant')} failed", FOUND_SOMETHING
        )


@app.command()
def drop(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Drop a tenant: its schema with all data. Only a backup can restore it."""
    settings = get_settings()
    url = database_url(settings)
    if not yes:
        _confirm(name, url)
    try:
        tenant = drop_tenant(url, name, settings)
    except DBAPIError as error:
        raise CommandFailure(describe_database_error(error, settings)) from None
    print(f"The tenant {tenant.name} was dropped, with its schema {tenant.schema}.")


@app.command()
def move(
    name: Name,
    to: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="The node, as the cluster knows it.")
    ],
) -> None:
    """Move a tenant to another node of a Citus cluster, while callers keep working."""
    settings = get_settings()
    tenant = move_tenant(database_url(settings), name, to, settings)
    print(f"The tenant {tenant.name} is on {to}.")


def _confirm(name: str, url: URL) -> None:
    settings = get_settings()
    with owner_connection(url, settings) as connection:
        tenant = get_tenant(connection, name, settings, with_revisions=False)
    if not sys.stdin.isatty():
        raise CommandFailure(
            f"dropping the tenant {tenant.name} loses its data, and without a terminal nobody can"
            " be asked: say --yes"
        )
    typed = typer.prompt(f"All data of {tenant.name} will be lost. Type its name to go on")
    if typed != tenant.name:
        raise CommandFailure("nothing was dropped")
