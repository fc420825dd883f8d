"""The error of an export."""


class ExportError(Exception):
    """The export failed; there is no file with the final name. One line for the user."""
