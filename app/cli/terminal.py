"""What commands print: tables for people, JSON for machines, money always exact."""

from __future__ import annotations

import datetime
import json
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Where no terminal sets a width, no column is cut.
UNLIMITED_WIDTH = 10_000
UUID_WIDTH = 36
# Wide enough for texts to be folded into.
FOLDED_WIDTH = 17


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704 - called while the error is handled; the command line reports it


# The library of options shows help on consoles of its own.
Console.on_broken_pipe = _Console.on_broken_pipe  # type: ignore[method-assign, assignment]


def output_console() -> Console:
    return _Console(width=None if sys.stdout.isatty() else UNLIMITED_WIDTH)


def error_console() -> Console:
    return _Console(stderr=True)


def printable(text: str) -> str:
    """The text without control characters: scraped text must not steer a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def cell(value: Any) -> Text:
    """A value as a table shows it."""
    return Text(printable(_as_text(value)))


def _as_text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, Decimal):
        return money(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "–"
    return str(value)


def money(value: Decimal) -> str:
    """Every decimal of it, never an exponent."""
    return format(value, "f")


def new_table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A table; the columns in `right` hold numbers, and those are never wrapped."""
    table = Table(header_style="bold", pad_edge=False)
    for column in columns:
        is_number = column in right
        table.add_column(
            column,
            justify="right" if is_number else "left",
            no_wrap=is_number or column == "id",
            overflow="fold",
            # Half an id is of no use: what stands beside it has to give way.
            min_width=UUID_WIDTH if column == "id" else None,
        )
    return table


def print_rows(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    right: tuple[str, ...] = (),
    less_important: tuple[str, ...] = (),
) -> None:
    """Prints a table, or on a narrow terminal what can be read there.

    Then it goes without the `less_important` columns, the first of them first, and says so. Where
    that is not enough, the columns stand below each other.
    """
    console = output_console()
    texts = [[cell(value) for value in row] for row in rows]
    for count in range(len(less_important) + 1):
        left_out = less_important[:count]
        kept = [number for number, column in enumerate(columns) if column not in left_out]
        shown = [columns[number] for number in kept]
        some = [[row[number] for number in kept] for row in texts]
        if _width(shown, some, right) <= console.width:
            table = new_table(*shown, right=right)
            for row in some:
                table.add_row(*row)
            console.print(table)
            if left_out:
                hidden = ", ".join(column for column in columns if column in left_out)
                notice(f"the terminal is too narrow for {hidden} (--json shows all)")
            return
    for row in texts:
        for column, text in zip(columns, row, strict=True):
            # The terminal itself breaks what is longer than its lines, so it can be copied.
            console.print(Text.assemble((f"{column}: ", "bold"), text), soft_wrap=True)
        console.print()


def _width(columns: Sequence[str], rows: Sequence[Sequence[Text]], right: Sequence[str]) -> int:
    """What a table of these needs to be read without much folding."""
    width = 3 * len(columns) - 1  # lines and spaces between
    for number, column in enumerate(columns):
        longest = max([cell_len(column), *(row[number].cell_len for row in rows)])
        is_folded = column not in right and column != "id"
        width += min(longest, FOLDED_WIDTH) if is_folded else longest
    return width


_collected: ContextVar[list[Any] | None] = ContextVar("_collected", default=None)


@contextmanager
def collected_json() -> Iterator[list[Any]]:
    """Within the block `print_json` adds to the list instead: several become one document."""
    documents: list[Any] = []
    token = _collected.set(documents)
    try:
        yield documents
    finally:
        _collected.reset(token)


def print_json(value: Any) -> None:
    """JSON with money as exact text, ids and times as text."""
    documents = _collected.get()
    if documents is not None:
        documents.append(value)
        return
    print(json.dumps(value, default=for_json, indent=2))


def for_json(value: Any) -> str:
    """What JSON has no word for, as `json.dumps` asks for it."""
    if isinstance(value, Decimal):
        return money(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON")


def notice(text: str) -> None:
    """A line for the person at the terminal, apart from the command's output."""
    print(f"campaigndb: {printable(text)}", file=sys.stderr)
