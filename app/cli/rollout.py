"""`campaigndb rollout`: how many campaigns the stored functions serve; see `app.rollout`."""

from __future__ import annotations

from typing import Annotated

import typer
from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError

from app.cli.connection import connected
from app.cli.terminal import cell, new_table, output_console, print_json
from app.rollout import percentages
from app.rollout.percentages import ALL, FUNCTION_NAMES, Percentages, RolloutSettingsError
from app.settings import get_settings
from app.table_reading import INSUFFICIENT_PRIVILEGE, TableAccessError, reading_tables
from app.tables import campaigns
from app.wording import counted

app = typer.Typer(
    no_args_is_help=True, help="Move campaigns from application code to the stored functions."
)


@app.command()
def show(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show each function's percentage, who says so, and how many campaigns that is.

    The table counts before CAMPAIGNDB_ROLLOUT, a function's own percentage before `all`. Reads the
    tables, so connect as their owner.
    """
    settings = percentages.from_settings()
    with connected() as engine, reading_tables(engine) as connection:
        known = Percentages(percentages.read_table(connection), settings.in_settings)
        ids = connection.execute(select(campaigns.c.id)).scalars().all()
    places = [percentages.place_of(id_) for id_ in ids]
    rows = []
    for name in FUNCTION_NAMES:
        percentage, source = known.with_source(name)
        served = sum(place < percentage for place in places)
        rows.append(
            {
                "function": name,
                "percentage": percentage,
                "source": source,
                "campaigns": served,
            }
        )
    if as_json:
        print_json({"functions": rows, "campaigns": len(places)})
        return
    table = new_table("function", "percent", "says", "campaigns", right=("percent", "campaigns"))
    for row in rows:
        table.add_row(*[cell(value) for value in row.values()])
    output_console().print(table)
    print(f"{counted(len(places), 'campaign')} in all")


# So that -1 is told what a percentage is, and not that there is no such option.
@app.command("set", context_settings={"ignore_unknown_options": True})
def set_percentage(
    function: Annotated[str, typer.Argument(help=f"A function's name, or {ALL} for every one.")],
    percentage: Annotated[int, typer.Argument(help="0 (the old way) to 100 (the functions).")],
) -> None:
    """Set a percentage; running processes follow within seconds.

    `all` also removes the percentages of single functions. Writes to the table, so connect as its
    owner.
    """
    try:
        percentages.check_name(function)
        percentages.check_percentage(percentage)
    except RolloutSettingsError as error:
        raise typer.BadParameter(str(error)) from None
    with connected() as engine:
        _write(engine, function, percentage)
    whom = "every function" if function == ALL else function
    print(f"{percentage}% of the campaigns now go to {whom}.")


def _write(engine: Engine, function: str, percentage: int) -> None:
    schema = get_settings().schema_name
    try:
        with engine.connect() as connection:
            connection.execution_options(schema_translate_map={None: schema})
            with connection.begin():
                percentages.write(connection, function, percentage)
    except DBAPIError as error:
        diagnosis = getattr(error.orig, "diag", None)
        if diagnosis is None or diagnosis.sqlstate != INSUFFICIENT_PRIVILEGE:
            raise
        raise TableAccessError(diagnosis.message_primary) from None
