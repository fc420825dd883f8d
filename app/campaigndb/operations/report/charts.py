"""The report's charts, drawn by pygal and coloured by the page's style.

Each is an `<svg role="img">` with a title and a description; the page has the same figures as a
table. pygal's style, scripts and tooltips are removed, so that the page loads and runs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pygal
from markupsafe import Markup
from pygal.style import Style

SVG = "{http://www.w3.org/2000/svg}"
# Elements for pygal's scripts, and those that the page shows as HTML.
_LEFT_OUT = ("legends", "titles", "overlay", "text-overlay", "tooltip-overlay", "background")
_FONT_SIZE = 13


def stacked_bars(
    name: str,
    *,
    title: str,
    description: str,
    labels: Sequence[str],
    series: Mapping[str, Sequence[Decimal]],
    unit: str,
) -> Markup:
    """Bars over time, one part for each of `series`. `name` is unique within the page."""
    chart = pygal.StackedBar(
        **_options(height=260),
        x_labels=list(labels),
        x_labels_major_count=min(len(labels), 4),
        show_minor_x_labels=False,
        margin_right=40,  # half of the last label
    )
    for series_name, values in series.items():
        chart.add(
            series_name,
            [
                {"value": float(value), "label": f"{label}, {series_name}: {value:,} {unit}"}
                for label, value in zip(labels, values, strict=True)
            ],
        )
    return _as_markup(chart, name, title, description)


def horizontal_bars(
    name: str, *, title: str, description: str, values: Mapping[str, int]
) -> Markup:
    """A bar for each of `values`, the first on top."""
    rows = list(values.items())[::-1]  # pygal draws from the bottom
    chart = pygal.HorizontalBar(
        **_options(height=60 + 44 * len(rows)),
        x_labels=[label for label, _ in rows],
        margin_right=24,
    )
    chart.add("", [{"value": value, "label": f"{label}: {value:,}"} for label, value in rows])
    return _as_markup(chart, name, title, description)


def _options(**options: Any) -> dict[str, Any]:
    return {
        "js": [],
        "css": [],
        "width": 560,
        "show_legend": False,
        "margin": 8,
        "min_scale": 3,
        "max_scale": 5,
        "truncate_label": -1,
        "value_formatter": _compact,
        "disable_xml_declaration": True,
        # pygal measures texts with these sizes; the page's style displays them.
        "style": Style(label_font_size=_FONT_SIZE, major_label_font_size=_FONT_SIZE),
        **options,
    }


def _compact(value: float) -> str:
    return f"{value:,.4f}".rstrip("0").rstrip(".")


def _as_markup(chart: Any, name: str, title: str, description: str) -> Markup:
    # From the text, because pygal's tree is lxml's if that is installed.
    root = ElementTree.fromstring(chart.render())  # noqa: S314 - pygal's own output
    for attribute in ("id", "class"):
        root.attrib.pop(attribute, None)
    _clean(root)
    root.attrib |= {"class": "chart", "role": "img", "aria-labelledby": f"{name}-t {name}-d"}
    root.insert(0, _text_element("title", title, f"{name}-t"))
    root.insert(1, _text_element("desc", description, f"{name}-d"))
    ElementTree.register_namespace("", SVG.strip("{}"))
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # noqa: S704 - escaped by it


def _clean(element: ElementTree.Element) -> None:
    for child in list(element):
        classes = child.get("class", "").split()
        if child.tag in (f"{SVG}defs", f"{SVG}title") or any(each in _LEFT_OUT for each in classes):
            element.remove(child)
        elif child.tag == f"{SVG}desc":
            element.remove(child)
            if "label" in classes:
                # Browsers show it for the bar under the pointer.
                element.insert(0, _text_element("title", child.text or ""))
        else:
            _clean(child)


def _text_element(tag: str, text: str, element_id: str | None = None) -> ElementTree.Element:
    made = ElementTree.Element(f"{SVG}{tag}", {} if element_id is None else {"id": element_id})
    made.text = text
    return made
