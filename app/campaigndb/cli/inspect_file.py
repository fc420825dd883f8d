"""`campaigndb inspect`: shows what an import would read from files."""

from __future__ import annotations

from typing import Annotated

import typer
from sqlalchemy.exc import OperationalError

from campaigndb.cli.connection import connected
from campaigndb.cli.failures import COULD_NOT_RUN, FOUND_SOMETHING, CommandFailure
from campaigndb.cli.import_file import Array, Encoding, Files, Format, reading_options
from campaigndb.cli.terminal import notice, print_json, printable
from campaigndb.embedded_server import EmbeddedServerError
from campaigndb.operations.counted import counted
from campaigndb.operations.importer import ImportFileError, files_in
from campaigndb.operations.importer.inspection import Inspection, Inspector
from campaigndb.operations.importer.progress_file import REJECTIONS_KEPT
from campaigndb.operations.owner_reading import reading_tables
from campaigndb.settings import get_settings

NEEDS_DATABASE = (
    "inspect needs a migrated database, whose functions know what is read of a record; nothing is "
    "written to it"
)


def inspect_file(
    files: Files,
    file_format: Format = "auto",
    array: Array = None,
    encoding: Encoding = None,
    show_rejects: Annotated[
        int, typer.Option(min=0, max=REJECTIONS_KEPT, help="Maximum number of rejections to show.")
    ] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show what an import would read from files; writes nothing.

    Shows the detected source, the number of records, the columns that they fill, the keys that are
    not read, and the records that would be rejected. This needs a migrated database, whose
    functions read the records, and a role that owns them.

    Exit code 0: there are records that can be stored; 1: there are none; 2: it could not run, or
    a file cannot be read to its end.
    """
    reading = reading_options(file_format, array, encoding)
    found: list[Inspection] = []
    failures: list[str] = []
    schema = get_settings().schema_name
    try:
        with connected() as engine, reading_tables(engine, schema) as connection:
            inspector = Inspector(connection, schema)
            for path in files_in(files):
                try:
                    found.append(inspector.inspect(path, reading))
                except ImportFileError as error:
                    failures.append(str(error))
    except (OperationalError, EmbeddedServerError) as error:
        reason = " ".join(str(getattr(error, "orig", error)).split())
        raise CommandFailure(f"no database is at hand ({reason}): {NEEDS_DATABASE}") from None
    if as_json:
        print_json([_document(item) for item in found])
    else:
        for item in found:
            _print(item, show_rejects)
    for failure in failures:
        notice(failure)
    if failures:
        raise typer.Exit(COULD_NOT_RUN)
    if all(item.records == item.rejected for item in found):
        raise typer.Exit(FOUND_SOMETHING)


def _document(found: Inspection) -> dict[str, object]:
    return {
        "name": found.name,
        "read_as": found.description,
        "records": found.records,
        "sources": dict(found.sources.most_common()),
        "columns": dict(found.columns.most_common()),
        "unread": dict(found.unread.most_common()),
        "rejected": found.rejected,
        "rejections": [
            {item.unit: item.number, "reason": item.reason} for item in found.rejections
        ],
    }


def _print(found: Inspection, show_rejects: int) -> None:
    print(f"{printable(found.name)}: {counted(found.records, 'record')}")
    print(f"  read as: {printable(found.description)}")
    for source, count in found.sources.most_common():
        print(f"  source: {source} ({count:,})")
    readable = found.records - found.rejected
    if found.columns:
        print("  columns that are filled:")
    for column, count in found.columns.most_common():
        print(f"    {column:<18} {count:>10,}  {count * 100 // readable:>3}%")
    if found.unread:
        keys = ", ".join(printable(key) for key, _ in found.unread.most_common())
        print(f"  keys that are not read (raw_data keeps them): {keys}")
    print(f"  rejected: {found.rejected:,}")
    for item in found.rejections[:show_rejects]:
        print(f"    {item.unit} {item.number:,}: {printable(item.reason)}")
