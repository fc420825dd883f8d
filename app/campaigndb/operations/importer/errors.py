"""The errors of an import."""

from __future__ import annotations


class ImportFileError(Exception):
    """One line that names the file and says what is wrong with it."""


class ImportRefusedError(ImportFileError):
    """Nothing is wrong with the file: the import needs another option."""
