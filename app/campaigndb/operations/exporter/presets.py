"""Presets: the columns for the import pages of other programs, one file each in `presets/`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from campaigndb.operations.exporter.columns import COLUMNS, LEAD_COLUMNS
from campaigndb.operations.exporter.errors import ExportError

FOLDER = Path(__file__).parent / "presets"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The layout of a file.

    Attributes:
        columns: heading -> column.
        byte_order_mark: whether the file begins with one, which Excel needs for UTF-8.
        exact_phones: phones begin with +, although spreadsheets treat that as a formula.
        one_line: line breaks within a text become spaces.
        texts_marked: texts of digits are also marked as texts, so that leading zeros stay.
    """

    columns: Mapping[str, str]
    byte_order_mark: bool = False
    exact_phones: bool = False
    one_line: bool = False
    texts_marked: bool = False


EVERYTHING = Layout(columns={column.name: column.name for column in LEAD_COLUMNS})


def preset_names() -> list[str]:
    """The names of the presets, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_preset(name: str) -> Layout:
    """Reads a preset's file.

    Raises:
        ExportError: there is no preset of this name.
    """
    if name not in preset_names():
        raise ExportError(f"there is no preset {name}: {', '.join(preset_names())}")
    values = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    return Layout(**values)


def named_columns(given: str) -> dict[str, str]:
    """Reads a list of columns: `name,email` or `Company=name,Email=email`.

    Raises:
        ExportError: an unknown column, or a repeated heading.
    """
    columns: dict[str, str] = {}
    for part in given.split(","):
        heading, _, name = part.rpartition("=")
        name = name.strip()
        heading = heading.strip() or name
        if name not in COLUMNS:
            raise ExportError(f"there is no column {name!r}: {', '.join(COLUMNS)}")
        if heading in columns:
            raise ExportError(f"the column {heading!r} comes twice")
        columns[heading] = name
    return columns
