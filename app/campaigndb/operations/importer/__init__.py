"""Imports files of scraped records into a campaign; an interrupted import goes on where it was."""

from campaigndb.operations.importer.errors import ImportFileError
from campaigndb.operations.importer.import_run import (
    FileReport,
    ImportReport,
    ImportState,
    ReadingOptions,
    import_files,
)
from campaigndb.operations.importer.progress_file import Tally
from campaigndb.operations.importer.scraped_file import FileFormat
from campaigndb.operations.importer.source_file import files_in

__all__ = [
    "FileFormat",
    "FileReport",
    "ImportFileError",
    "ImportReport",
    "ImportState",
    "ReadingOptions",
    "Tally",
    "files_in",
    "import_files",
]
