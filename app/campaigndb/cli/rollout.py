"""`campaigndb rollout`: the share of campaigns that the functions serve."""

from __future__ import annotations

from typing import Annotated

import typer
from sqlalchemy import select

from campaigndb.cli.connection import connected
from campaigndb.cli.terminal import cell, new_table, output_console, print_json
from campaigndb.operations.counted import counted
from campaigndb.operations.owner_reading import reading_tables, refusals_explained
from campaigndb.rollout import percentages
from campaigndb.rollout.percentages import ALL, FUNCTION_NAMES, Percentages, RolloutSettingsError
from campaigndb.settings import get_settings
from campaigndb.tables import campaigns

app = typer.Typer(
    no_args_is_help=True, help="Move campaigns from application code to the stored functions."
)


@app.command()
def show(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show each function's percentage, its source, and the number of campaigns.

    The table overrides CAMPAIGNDB_ROLLOUT, and a function's own percentage overrides `all`. Reads
    the tables: connect as their owner.
    """
    settings = percentages.from_settings()
    with connected() as engine, reading_tables(engine) as connection:
        known = Percentages(percentages.read_table(connection), settings.in_settings)
        ids = connection.execute(select(campaigns.c.id)).scalars().all()
    buckets = [percentages.bucket_of(id_) for id_ in ids]
    rows = []
    for name in FUNCTION_NAMES:
        percentage, source = known.with_source(name)
        served = sum(bucket < percentage for bucket in buckets)
        rows.append(
            {
                "function": name,
                "percentage": percentage,
                "source": source,
                "campaigns": served,
            }
        )
    if as_json:
        print_json({"functions": rows, "campaigns": len(buckets)})
        return
    table = new_table("function", "percent", "says", "campaigns", right=("percent", "campaigns"))
    for row in rows:
        table.add_row(*[cell(value) for value in row.values()])
    output_console().print(table)
    print(f"{counted(len(buckets), 'campaign')} in all")


# So that -1 is reported as an invalid percentage, not as an unknown option.
@app.command("set", context_settings={"ignore_unknown_options": True})
def set_percentage(
    function: Annotated[str, typer.Argument(help=f"A function's name, or {ALL} for every one.")],
    percentage: Annotated[int, typer.Argument(help="0 (the fallback) to 100 (the functions).")],
) -> None:
    """Set a percentage. Running processes use it within seconds.

    `all` also removes the percentages of single functions. Writes to the table: connect as its
    owner.
    """
    try:
        percentages.check_name(function)
        percentages.check_percentage(percentage)
    except RolloutSettingsError as error:
        raise typer.BadParameter(str(error)) from None
    with connected() as engine, refusals_explained(), engine.begin() as connection:
        connection.execution_options(schema_translate_map={None: get_settings().schema_name})
        percentages.write(connection, function, percentage)
    whom = "every function" if function == ALL else function
    print(f"{percentage}% of the campaigns now go to {whom}.")
