"""`campaigndb demo`: the real job on real input, on the embedded server."""

from __future__ import annotations

from typing import Annotated

import typer


def demo(
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="How many places to work on; all of them unless given."),
    ] = None,
    keep: Annotated[
        bool, typer.Option(help="Leave the demo's database for a look at it afterwards.")
    ] = False,
) -> None:
    """Work on a campaign over Helsinki with four processes at once, and check the outcome.

    Exit code 0: it is as it should be; 1: it is not; 2: the demo could not run to its end.
    """
    from app.demo.command import demo as run_demo  # only where it is needed

    run_demo(limit, keep)
