"""Reads lists of contacts from files: one a line, or tables and JSON with headings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from campaigndb.operations.importer.errors import ImportFileError
from campaigndb.operations.importer.scraped_file import ScrapedFile
from campaigndb.operations.importer.source_file import SourceFile, reading_errors
from campaigndb.operations.importer.tables import delimiter_of

# Names of columns, in lower case and letters only.
_HEADINGS = {
    "email": ("email", "emailaddress", "emailadress", "mail", "address"),
    "domain": ("domain", "domainname"),
    "phone": ("phone", "phonenumber", "telephone", "mobile", "tel"),
    "place_id": ("placeid", "place", "googleplaceid"),
    "reason": ("reason", "note", "comment"),
}
_KINDS = {name: kind for kind, names in _HEADINGS.items() for name in names}


class Listed(NamedTuple):
    """A contact and where it is in the file: `line 7`."""

    where: str
    contact: dict[str, str]


def contacts_in(path: Path) -> Iterator[Listed]:
    """Reads the contacts of a file: text, CSV, JSON or Excel, also compressed.

    A text file has one address a line. If its first line is `domain`, `phone` or `place_id`, the
    lines have that instead.

    Raises:
        ImportFileError: the file cannot be read, or is a table without a column of contacts.
    """
    with closing(SourceFile(path)) as source, reading_errors(source.name):
        yield from _of_records(source) if _is_table(source) else _of_lines(source)


def _is_table(source: SourceFile) -> bool:
    """Whether the file is Excel, JSON or CSV, and no plain list of lines."""
    if source.is_workbook:
        return True
    head = source.beginning(65_536).lstrip()
    first = head.split("\n", 1)[0]
    delimiter = None if "@" in first else delimiter_of(head)
    return head.startswith(("[", "{")) or (delimiter is not None and delimiter in first)


def _of_lines(source: SourceFile) -> Iterator[Listed]:
    kind = "email"
    for number, line in enumerate(source.text_from_start(), start=1):
        value = line.strip().strip('"')
        if number == 1 and _kind(value) is not None:
            kind = _kind(value) or kind
        elif value and not value.startswith("#"):
            yield Listed(f"line {number:,}", {kind: value.replace("\0", "")})


def _of_records(source: SourceFile) -> Iterator[Listed]:
    file = ScrapedFile(source, lambda values: [_contact(value) != {} for value in values])
    has_any = False
    for record in file.records():
        where = f"{file.unit} {record.end.number:,}"
        if record.problem is not None:
            raise ImportFileError(f"{file.name}: {where}: {record.problem}")
        contact = _contact(json.loads(record.text))
        if not has_any and not contact.keys() - {"reason"}:
            raise ImportFileError(
                f"{file.name}: {where} has no field called email, domain, phone or place_id"
            )
        has_any = True
        yield Listed(where, contact)


def _contact(record: object) -> dict[str, str]:
    if not isinstance(record, dict):
        return {}
    found: dict[str, str] = {}
    for name, value in record.items():
        kind = _kind(name)
        if kind is not None and isinstance(value, (str, int)):
            found.setdefault(kind, str(value))
    return found


def _kind(heading: str) -> str | None:
    return _KINDS.get(re.sub("[^a-z]", "", heading.lower()))
