"""Texts that break files, and reading files back."""

from __future__ import annotations

import csv
import io
from pathlib import Path

HARD = {
    "quote": 'Kahvila "Aino", Oy',
    "break": "Two\r\nlines",
    "formula": '=HYPERLINK("http://evil.example","x")',
    "plus": "+1+1|cmd",
    "at": "@SUM(A1)",
    "minus": "-2+3",
    "marked": "'=1",
    "wide": "＝1+1",
    "right": "\u200f\u05e7\u05e4\u05d4",
    "umlaut": "Kahvilä Å",
}


def rows_of(path: Path) -> list[dict[str, str]]:
    text = path.read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))
