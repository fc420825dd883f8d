"""Turns every expected failure into one line and an exit code.

Exit codes: 0 done; 1 found something (a discrepancy, nothing imported, an outdated copy, a server
that does not run); 2 could not run; 130 interrupted; 141 the reader of the output went away.
"""

from __future__ import annotations

import re
import sys
from typing import Any

import typer

from campaigndb.cli.extras import missing_extra
from campaigndb.operations.printable import printable

FOUND_SOMETHING = 1
COULD_NOT_RUN = 2
INTERRUPTED = 130
BROKEN_PIPE = 141

# SQLSTATEs of a database that was never migrated: undefined table, function, schema, column.
_SCHEMA_MISSING = ("42P01", "42883", "3F000", "42703")
# Errors whose messages are already one line for the user, by module. Only modules that are loaded
# are searched, so that a failure imports nothing else.
PLAIN_ERRORS = {
    "alembic.util": ("CommandError",),
    "campaigndb.embedded_server.errors": ("EmbeddedServerError",),
    "campaigndb.migrations.checksums": ("ChecksumError",),
    "campaigndb.migrations.revise": ("RevisionError",),
    "campaigndb.migrations.unsafe_operations": ("SquawkError",),
    "campaigndb.operations.drift": ("DriftUnknownError", "IgnoreFileError", "ShadowError"),
    "campaigndb.operations.exporter": ("ExportError",),
    "campaigndb.operations.importer": ("ImportFileError",),
    "campaigndb.operations.monitoring": ("StatisticsUnknownError",),
    "campaigndb.operations.owner_reading": ("TableAccessError",),
    "campaigndb.operations.tenants.errors": ("TenantError",),
    "campaigndb.rollout.percentages": ("RolloutSettingsError",),
    "campaigndb.settings": ("SettingsError",),
}
_URL_PASSWORD = re.compile(r"(://[^\s:/@]*:)[^\s@]*@")
_PASSWORD_FIELD = re.compile(r"(\bpassword\s*[=:]\s*)\S+", re.IGNORECASE)


class CommandFailure(Exception):
    """A command that cannot continue: its message for the user and its exit code."""

    def __init__(self, message: str, exit_code: int = COULD_NOT_RUN) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def describe(error: BaseException) -> tuple[str, int]:
    """The message and the exit code for any exception that ended a command.

    The message is empty if the help was shown instead.
    """
    text, exit_code = _describe(error)
    return _one_line(text), exit_code


def _describe(error: BaseException) -> tuple[str, int]:
    if isinstance(error, CommandFailure):
        return str(error), error.exit_code
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return "interrupted", INTERRUPTED
    if isinstance(error, BrokenPipeError):
        return "the output was not read to its end", BROKEN_PIPE
    if (
        type(error).__name__ == "NoArgsIsHelpError"
    ):  # Typer has shown the help; the class is private
        return "", COULD_NOT_RUN
    if isinstance(error, typer.TyperException):
        return _usage(error), error.exit_code
    if isinstance(error, ImportError) and (line := missing_extra(error)) is not None:
        return line, COULD_NOT_RUN
    text = str(error) if _is_plain(error) else _database(error)
    if text is not None:
        return text, COULD_NOT_RUN
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename is not None else ""
        return f"{where}{error.strerror or error}", COULD_NOT_RUN
    return (
        f"unexpected {type(error).__name__}: {error} (CAMPAIGNDB_DEBUG=1 shows where)",
        COULD_NOT_RUN,
    )


def _usage(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    if context is None:
        return error.format_message()
    return f"{error.format_message()} (see {context.command_path} --help)"


def _is_plain(error: BaseException) -> bool:
    return any(_is(error, module, *names) for module, names in PLAIN_ERRORS.items())


def _is(error: BaseException, module: str, *names: str) -> bool:
    """`isinstance` for classes whose module may not be imported."""
    loaded: Any = sys.modules.get(module)
    return loaded is not None and isinstance(error, tuple(getattr(loaded, name) for name in names))


def _database(error: BaseException) -> str | None:
    """The database's message; None for other errors."""
    if not (
        _is(error, "campaigndb.calling.errors", "StoredFunctionError")
        or _is(error, "sqlalchemy.exc", "SQLAlchemyError")
        or _is(error, "psycopg", "Error")
    ):
        return None
    import psycopg
    from sqlalchemy.exc import DBAPIError

    from campaigndb.calling.errors import from_exception

    failure = from_exception(error)
    if failure is None:  # an error of SQLAlchemy itself, such as an unknown option of the driver
        return f"{type(error).__name__}: {error}"
    if failure.error_code in _SCHEMA_MISSING:
        return (
            f"the schema is not there in {_asked()} ({failure.detail}): "
            "run campaigndb db migrate (or alembic upgrade head)"
        )
    original = error.orig if isinstance(error, DBAPIError) else error
    hint = original.diag.message_hint if isinstance(original, psycopg.Error) else None
    return f"{failure} ({hint})" if hint else str(failure)


def _asked() -> str:
    """The address of the command's database, without its password."""
    from campaigndb.settings import get_settings, sqlalchemy_url

    settings = get_settings()
    if settings.database_url is not None:
        from campaigndb.database import without_password

        return without_password(sqlalchemy_url(settings.database_url))
    from campaigndb.embedded_server import status

    return status(settings).address or "the embedded server"


def _one_line(text: str) -> str:
    lines = [printable(" ".join(line.split())) for line in text.splitlines()]
    line = " | ".join(line for line in lines if line)
    return _PASSWORD_FIELD.sub(r"\1***", _URL_PASSWORD.sub(r"\1***@", line))
