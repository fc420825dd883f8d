"""`campaigndb bench`: each stored function measured beside its alternatives."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.per_tenant import per_tenant
from app.settings import Settings


@per_tenant
def bench(
    settings: Settings,
    as_json: Annotated[
        bool, typer.Option("--json", help="For machines: a list of figures.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Only this function; may be given more than once. Also tenants and ledger_size, "
            "which are left out else.",
        ),
    ] = None,
    rounds: Annotated[
        int, typer.Option(min=1, help="How often everything is measured; crowds thrice at most.")
    ] = 5,
    quick: Annotated[
        bool, typer.Option("--quick", help="See that it works: little data, meaningless figures.")
    ] = False,
    large: Annotated[
        bool,
        typer.Option(
            "--large",
            help="With a ledger of 10,000,000 costs: minutes, 4 GB of disk; with 1,000 tenants.",
        ),
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(help="Measure on this server, as a role that may create databases and roles."),
    ] = None,
    server_setting: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A setting of PostgreSQL for the own server."),
    ] = None,
) -> None:
    """Measure each stored function beside its alternatives, on a server started for it.

    The server writes to disk as one in production does. The database is dropped afterwards; on
    the server that --url names too. Ratios compare with the baseline of the same group of
    figures: of milliseconds, less is faster; of calls per second, more. A target that is missed
    says MISSED; the exit code is 0 all the same. A tenant's figures are of a schema of its name
    in that database, not of its own data.
    """
    from app.bench.command import bench as run_bench  # only where it is needed

    run_bench(
        settings,
        as_json=as_json,
        only=only,
        rounds=rounds,
        quick=quick,
        large=large,
        url=url,
        server_setting=server_setting,
    )
