"""The names of records that are read, by source: `python -m scripts.record_names`.

Writes them into docs/functions.md. Which names are read is taken from place_fields.sql; which
source uses them, from the sources' records in the tests.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.insert_businesses_batch.sources import SAMPLES

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "functions.md"
BEGIN, END = "<!-- names of records -->\n", "<!-- end of names of records -->\n"


def names_that_are_read() -> set[str]:
    """Every key, or path of keys, that place_fields looks for."""
    text = (ROOT / "app/campaigndb/functions/place_fields.sql").read_text(encoding="utf-8")
    names = set(re.findall(r"\br (?:->>?|\?) '([^']+)'", text))
    names |= {path.split(",")[0] for path in re.findall(r"\br #>>? '\{([^}]+)\}'", text)}
    names |= {f"{prefix}/0" for prefix in re.findall(r"flat_list\(r, '([^']+)'\)", text)}
    return names


def section() -> str:
    read = names_that_are_read()
    lines = ["| source | names that are read |", "| --- | --- |"]
    rest = set(read)
    for source, (record, _) in SAMPLES.items():
        used = sorted(key for key in record if _is_read(key, read))
        rest -= set(record)
        lines.append(f"| {source} | {', '.join(f'`{name}`' for name in used)} |")
    lines.append(f"| names of any source | {', '.join(f'`{name}`' for name in sorted(rest))} |")
    return "\n".join(lines) + "\n"


def _is_read(key: str, read: set[str]) -> bool:
    plain = re.sub(r"[^A-Za-z0-9]+", "_", key).strip("_").lower()
    return bool({key, re.sub(r"/\d+", "/0", key), *([plain] if key != key.lower() else [])} & read)


def document() -> str:
    """docs/functions.md with the names of today."""
    before, rest = DOCUMENT.read_text(encoding="utf-8").split(BEGIN)
    return before + BEGIN + section() + END + rest.split(END)[1]


def main(*_: Any) -> None:
    DOCUMENT.write_text(document(), encoding="utf-8")


if __name__ == "__main__":
    main()
