"""Imports a file of scraped records into a campaign; an interrupted import goes on where it was."""

from app.importer.errors import ImportFileError
from app.importer.import_run import ImportReport, ImportState, import_file
from app.importer.progress_file import Tally
from app.importer.scraped_file import FileFormat

__all__ = ["FileFormat", "ImportFileError", "ImportReport", "ImportState", "Tally", "import_file"]
