"""docs/performance.md and its plots, from the figures that a benchmark wrote:

python -m benchmarks --json > build/bench.json
python -m benchmarks.document build/bench.json
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any
from xml.etree import ElementTree

import jinja2
import pygal
import typer
from pygal.style import Style

from benchmarks import indexes
from benchmarks.figures import Figure
from benchmarks.measurement import FUNCTION

PROJECT = Path(__file__).resolve().parents[1]
DOCUMENT = PROJECT / "docs" / "performance.md"
_SVG = "{http://www.w3.org/2000/svg}"
# Colours that differ also without colour vision. Pages may be dark: plots bring their own white.
_STYLE = Style(
    background="white",
    plot_background="white",
    font_family="sans-serif",
    label_font_size=12,
    major_label_font_size=12,
    legend_font_size=12,
    title_font_size=14,
    colors=("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"),
)


@dataclass(frozen=True)
class Slower:
    """A case in which an alternative is faster than the function."""

    function: Figure
    alternative: Figure

    @property
    def times(self) -> float:
        if self.function.per_second is not None and self.alternative.per_second is not None:
            return self.alternative.per_second / self.function.per_second
        assert self.function.median_ms is not None
        assert self.alternative.median_ms is not None
        return self.function.median_ms / self.alternative.median_ms


def write_document(figures: Sequence[Figure], machine: str, document: Path = DOCUMENT) -> None:
    """Writes the document, and its plots into a folder of its name beside it."""
    folder = document.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    plots = []
    for name, title, svg in _plots(figures):
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
        plots.append((title, f"{folder.name}/{name}.svg"))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=False,  # noqa: S701 - Markdown, of figures that are our own
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"number": _number, "result": _result}
    text = environment.get_template("performance.md.jinja").render(
        machine=machine,
        groups=[
            (name, list(group)) for name, group in groupby(figures, key=lambda figure: figure.name)
        ],
        verdicts=[(figure, text, met) for figure in figures for text, met in figure.verdicts],
        slower=slower_than_alternatives(figures),
        plots=plots,
    )
    document.write_text(text, encoding="utf-8")


def slower_than_alternatives(figures: Sequence[Figure]) -> list[Slower]:
    """Every alternative that beat the function on the same work, the worst first."""
    functions = {_case(figure): figure for figure in figures if _way(figure) == FUNCTION}
    found = [
        Slower(functions[_case(figure)], figure)
        for figure in figures
        if _way(figure) != FUNCTION
        and _case(figure) in functions
        and figure.megabytes is None
        # The function itself, without an index that others need.
        and indexes.CASE not in figure.variant
    ]
    # A twentieth is the noise of these measurements.
    return sorted((each for each in found if each.times > 1.05), key=lambda each: -each.times)


def _way(figure: Figure) -> str:
    return figure.variant.partition(", ")[0]


def _case(figure: Figure) -> tuple[str, str, int, int]:
    return figure.name, figure.variant.partition(", ")[2], figure.n, figure.clients


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _result(figure: Figure) -> str:
    """What it came to, with its unit."""
    if figure.per_second is not None:
        return f"{_number(figure.per_second)} calls/s"
    if figure.megabytes is not None:
        return f"{_number(figure.megabytes)} MB"
    return f"{_number(figure.median_ms)} ms"


def _plots(figures: Sequence[Figure]) -> list[tuple[str, str, str]]:
    """Name, title and SVG of each plot that there are figures for."""
    plots = []
    rates = _by_clients([figure for figure in figures if "hot campaign" in figure.variant])
    for case, ways in rates.items():
        title = f"Costs a second on one {case}, by clients"
        plots.append((f"costs-{case}", title, _lines(title, "clients", ways, logarithmic=False)))
    for name, title in (
        ("update_campaign_statistics", "Counting a campaign: ms by businesses"),
        ("get_businesses_for_enrichment_after", "A queue's last page: ms by businesses"),
    ):
        growth = _by_size(
            [
                figure
                for figure in figures
                if figure.name == name
                and ("page" not in figure.variant or "last" in figure.variant)
            ]
        )
        if any(len(values) > 1 for values in growth.values()):
            plots.append((name, title, _lines(title, "n", growth, logarithmic=True)))
    batch = {
        figure.variant.replace(", from records", ""): figure.median_ms
        for figure in figures
        if figure.name == "insert_businesses_batch"
        and figure.n == 1_000
        and "from records" in figure.variant
    }
    if batch:
        title = "1,000 scraped records into the table: ms"
        plots.append(("insert_businesses_batch", title, _bars(title, batch)))
    return [(_file_name(name), title, svg) for name, title, svg in plots]


def _file_name(name: str) -> str:
    return "".join(c if c.isalnum() or c in "_-" else "-" for c in name)


def _by_clients(figures: Sequence[Figure]) -> dict[str, dict[str, dict[int, float]]]:
    found: dict[str, dict[str, dict[int, float]]] = {}
    for figure in figures:
        if figure.per_second is not None:
            way, _, case = figure.variant.partition(", ")
            found.setdefault(case, {}).setdefault(way, {})[figure.clients] = figure.per_second
    return {
        case: ways for case, ways in found.items() if any(len(rates) > 1 for rates in ways.values())
    }


def _by_size(figures: Sequence[Figure]) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = {}
    for figure in figures:
        if figure.median_ms is not None:
            found.setdefault(_way(figure), {})[figure.n] = figure.median_ms
    return found


def _lines(
    title: str, x_title: str, ways: Mapping[str, Mapping[int, float]], *, logarithmic: bool
) -> str:
    xs = sorted({x for values in ways.values() for x in values})
    chart = pygal.Line(
        **_options(title), x_title=x_title, logarithmic=logarithmic, x_labels=[f"{x:,}" for x in xs]
    )
    for way, values in ways.items():
        chart.add(way, [values.get(x) for x in xs])
    return _rendered(chart)


def _bars(title: str, values: Mapping[str, float | None]) -> str:
    chart = pygal.HorizontalBar(**_options(title), logarithmic=True, x_labels=list(values)[::-1])
    chart.show_legend = False
    chart.add("", list(values.values())[::-1])
    return _rendered(chart)


def _options(title: str) -> dict[str, Any]:
    return {
        "title": title,
        "style": _STYLE,
        "js": [],
        "width": 800,
        "height": 360,
        "legend_at_bottom": True,
        "legend_at_bottom_columns": 2,
        "truncate_legend": -1,
        "value_formatter": _number,
        "disable_xml_declaration": True,
        "print_values": False,
        "no_data_text": "",
    }


def _rendered(chart: Any) -> str:
    """The plot without pygal's script: a picture in a document runs nothing."""
    root = ElementTree.fromstring(chart.render())  # noqa: S314 - pygal's own output
    for parent in list(root.iter()):
        for script in parent.findall(f"{_SVG}script"):
            parent.remove(script)
    ElementTree.register_namespace("", _SVG.strip("{}"))
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def main(
    figures: Annotated[Path, typer.Argument(help="What `python -m benchmarks --json` wrote.")],
    document: Annotated[Path, typer.Option(help="Where to.")] = DOCUMENT,
) -> None:
    """Write docs/performance.md and its plots."""
    found = json.loads(figures.read_text(encoding="utf-8"))
    if not found:
        raise typer.BadParameter("there are no figures in it")
    write_document([Figure.from_json(each) for each in found], found[0]["machine"], document)
    print(document)


if __name__ == "__main__":
    typer.run(main)
