"""The figures as tables for people; each target with its verdict."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.table import Table
from rich.text import Text

from benchmarks.figures import Figure
from campaigndb.cli.terminal import cell, new_table, output_console

NUMBERS = ("n", "clients", "median ms", "per second", "p99 ms", "ratio")


def print_report(figures: Sequence[Figure]) -> None:
    console = output_console()
    for name, group in groupby(figures, key=lambda figure: figure.name):
        console.print(_table(name, list(group)))
    missed = [
        f"{figure.name}, {figure.variant}, {figure.n:,}: {target} MISSED"
        for figure in figures
        for target, is_met in figure.verdicts
        if not is_met
    ]
    targets = sum(len(figure.verdicts) for figure in figures)
    for line in missed:
        console.print(Text(line, "bold red"))
    console.print(f"{targets - len(missed)} of {targets} targets met", highlight=False)


def _table(name: str, figures: Sequence[Figure]) -> Table:
    with_sizes = any(figure.megabytes is not None for figure in figures)
    numbers = (*NUMBERS, "MB") if with_sizes else NUMBERS
    table = new_table("variant", *numbers, "target", right=numbers)
    table.title, table.title_justify = name, "left"
    for figure, following in zip(figures, [*figures[1:], None], strict=True):
        table.add_row(
            cell(figure.variant),
            cell(figure.n),
            cell(figure.clients),
            _number(figure.median_ms),
            _number(figure.per_second),
            _number(figure.p99_ms),
            # What is compared with itself tells nothing.
            Text("1" if figure.variant == figure.baseline else f"{figure.ratio:.2f}"),
            *([_number(figure.megabytes)] if with_sizes else []),
            _targets(figure),
            end_section=following is not None and _group(figure) != _group(following),
        )
    return table


def _group(figure: Figure) -> tuple[str, int, int]:
    """What figures have in common that are compared with one another."""
    return figure.baseline, figure.n, figure.clients


def _number(value: float | None) -> Text:
    if value is None:
        return Text("")
    return Text(f"{value:,.0f}" if value >= 1000 else f"{value:.3g}")


def _targets(figure: Figure) -> Text:
    """Met or MISSED beside each target, then growth, memory and what went wrong under load."""
    parts = [
        Text.assemble(f"{target} ", ("met", "green") if is_met else ("MISSED", "bold red"))
        for target, is_met in figure.verdicts
    ]
    parts.extend(Text(remark) for remark in figure.remarks)
    if figure.lost:
        parts.append(Text(f"{figure.lost} calls LOST", "bold red"))
    return Text(", ").join(parts)
