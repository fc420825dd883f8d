"""Output of commands: tables for people, JSON for machines. Money is always exact."""

from __future__ import annotations

import datetime
import json
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from itertools import chain, islice
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from campaigndb.operations.printable import printable as printable

# Width without a terminal: no column is cut.
UNLIMITED_WIDTH = 10_000
UUID_WIDTH = 36
# Maximum number of rows in one table.
TABLE_ROWS = 1000
# Width into which texts are folded.
FOLDED_WIDTH = 17


def output_console() -> Console:
    """A console on standard output. Without a terminal, lines have any width."""
    return Console(width=None if sys.stdout.isatty() else UNLIMITED_WIDTH)


def error_console() -> Console:
    """A console on standard error."""
    return Console(stderr=True)


def cell(value: Any) -> Text:
    """Formats a value for a table."""
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
    """Formats an amount with all its decimals, never with an exponent."""
    return format(value, "f")


def new_table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A table. The columns in `right` hold numbers, which are never wrapped."""
    table = Table(header_style="bold", pad_edge=False)
    for column in columns:
        is_number = column in right
        table.add_column(
            column,
            justify="right" if is_number else "left",
            no_wrap=is_number or column == "id",
            overflow="fold",
            # Half an id is useless, so the other columns are narrowed.
            min_width=UUID_WIDTH if column == "id" else None,
        )
    return table


def print_rows(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    right: tuple[str, ...] = (),
    less_important: tuple[str, ...] = (),
) -> None:
    """Prints a table, adapted to a narrow terminal.

    If it is too wide, the `less_important` columns are left out, in their order, with a notice. If
    that is not enough, each column gets its own line. Rows beyond `TABLE_ROWS` are printed as they
    arrive, in the widths of the first ones, so that memory does not grow with their number.
    """
    console = output_console()
    source = iter(rows)
    first = [[cell(value) for value in row] for row in islice(source, TABLE_ROWS)]
    following = ([cell(value) for value in row] for row in source)
    for count in range(len(less_important) + 1):
        left_out = less_important[:count]
        kept = [number for number, column in enumerate(columns) if column not in left_out]
        shown = [columns[number] for number in kept]
        some = [[row[number] for number in kept] for row in first]
        if _width(shown, some, right) <= console.width:
            if len(first) < TABLE_ROWS:
                table = new_table(*shown, right=right)
                for row in some:
                    table.add_row(*row)
                console.print(table)
            else:
                rest = ([row[number] for number in kept] for row in following)
                _print_lines(shown, some, rest, right)
            if left_out:
                hidden = ", ".join(column for column in columns if column in left_out)
                notice(f"the terminal is too narrow for {hidden} (--json shows all)")
            return
    for row in chain(first, following):
        for column, text in zip(columns, row, strict=True):
            # The terminal wraps long lines, so that they can be copied whole.
            console.print(Text.assemble((f"{column}: ", "bold"), text), soft_wrap=True)
        console.print()


def _print_lines(
    columns: Sequence[str],
    first: Sequence[Sequence[Text]],
    following: Iterable[Sequence[Text]],
    right: Sequence[str],
) -> None:
    """Prints one line a row, without borders. A table would need all rows first."""
    widths = [
        max(cell_len(column), *(row[number].cell_len for row in first))
        for number, column in enumerate(columns)
    ]
    headings = [Text(column) for column in columns]
    is_right = [column in right for column in columns]
    for row in chain([headings], first, following):
        cells = []
        for text, width, right_aligned in zip(row, widths, is_right, strict=True):
            gap = " " * (width - text.cell_len)
            cells.append(gap + text.plain if right_aligned else text.plain + gap)
        print("  ".join(cells).rstrip())


def _width(columns: Sequence[str], rows: Sequence[Sequence[Text]], right: Sequence[str]) -> int:
    """The width that a table needs to be read without much folding."""
    width = 3 * len(columns) - 1  # lines and spaces between
    for number, column in enumerate(columns):
        longest = max([cell_len(column), *(row[number].cell_len for row in rows)])
        is_folded = column not in right and column != "id"
        width += min(longest, FOLDED_WIDTH) if is_folded else longest
    return width


_collected: ContextVar[list[Any] | None] = ContextVar("_collected", default=None)


@contextmanager
def collected_json(documents: list[Any]) -> Iterator[None]:
    """Within the block `print_json` adds to `documents` instead of printing."""
    token = _collected.set(documents)
    try:
        yield
    finally:
        _collected.reset(token)


def print_json(value: Any) -> None:
    """Prints JSON with money as exact text, and ids and times as text."""
    documents = _collected.get()
    if documents is not None:
        documents.append(value)
        return
    print(json.dumps(value, default=for_json, indent=2))


def print_json_list(values: Iterable[Any]) -> None:
    """Prints a JSON array, each item as it arrives, so that memory does not grow."""
    start, end = "[\n", "[]"
    for value in values:
        print(start + json.dumps(value, default=for_json), end="")
        start, end = ",\n", "\n]"
    print(end)


def for_json(value: Any) -> str:
    """Converts values without a JSON form, for `json.dumps`."""
    if isinstance(value, Decimal):
        return money(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON")


def notice(text: str) -> None:
    """Prints a message to standard error, apart from the command's output."""
    print(f"campaigndb: {printable(text)}", file=sys.stderr)


@contextmanager
def shown_count(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Shows a progress bar on a terminal, otherwise nothing."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn(what),
        BarColumn(),
        TextColumn("{task.completed:,.0f}"),
        TimeRemainingColumn(),
        console=error_console(),
        transient=True,
    ) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, completed=done)
