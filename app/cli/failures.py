"""Every expected failure as one line and an exit code.

Exit codes: 0 done; 1 found something (a discrepancy, nothing imported, an outdated copy, a server
that does not run); 2 could not run; 130 interrupted; 141 the reader of the output went away.
"""

from __future__ import annotations

import re

import psycopg
import typer
from alembic.util import CommandError
from pydantic import ValidationError
from pydantic_settings import SettingsError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.cli.terminal import printable
from app.drift import DriftUnknownError, IgnoreFileError, ShadowError
from app.embedded_server import EmbeddedServerError
from app.errors import StoredFunctionError, from_exception
from app.importer import ImportFileError
from app.migrations.checksums import ChecksumError
from app.migrations.messages import describe_settings_error, describe_unreadable_setting
from app.migrations.revise import RevisionError
from app.migrations.unsafe_operations import SquawkError
from app.monitoring import StatisticsUnknownError
from app.rollout import RolloutSettingsError
from app.settings import Settings
from app.table_reading import TableAccessError
from app.tenants.errors import TenantError

FOUND_SOMETHING = 1
COULD_NOT_RUN = 2
INTERRUPTED = 130
BROKEN_PIPE = 141

# Undefined table, function, schema, column: what a database has that was never migrated.
_SCHEMA_MISSING = ("42P01", "42883", "3F000", "42703")
# Their messages are one line for the user already.
_PLAIN = (
    ChecksumError,
    CommandError,
    DriftUnknownError,
    EmbeddedServerError,
    IgnoreFileError,
    ImportFileError,
    RevisionError,
    RolloutSettingsError,
    ShadowError,
    SquawkError,
    StatisticsUnknownError,
    TableAccessError,
    TenantError,
)
_URL_PASSWORD = re.compile(r"(://[^\s:/@]*:)[^\s@]*@")
_PASSWORD_FIELD = re.compile(r"(\bpassword\s*[=:]\s*)\S+", re.IGNORECASE)


class CommandFailure(Exception):
    """A command that cannot go on: its line for the user, and its exit code."""

    def __init__(self, message: str, exit_code: int = COULD_NOT_RUN) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def describe(error: BaseException) -> tuple[str, int]:
    """The line to show and the exit code, for any exception that ended a command.

    The line is empty where the help was shown instead.
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
    if type(error).__name__ == "NoArgsIsHelpError":  # the library has shown the help, and hides it
        return "", COULD_NOT_RUN
    if isinstance(error, typer.TyperException):
        return _usage(error), error.exit_code
    if isinstance(error, ValidationError) and error.title == Settings.__name__:
        return describe_settings_error(error), COULD_NOT_RUN
    if isinstance(error, SettingsError):
        return describe_unreadable_setting(error), COULD_NOT_RUN
    if isinstance(error, _PLAIN):
        return str(error), COULD_NOT_RUN
    if isinstance(error, (StoredFunctionError, SQLAlchemyError, psycopg.Error)):
        return _database(error), COULD_NOT_RUN
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


def _database(error: StoredFunctionError | SQLAlchemyError | psycopg.Error) -> str:
    failure = from_exception(error)
    if failure is None:  # SQLAlchemy itself, such as a driver's option that it does not know
        return f"{type(error).__name__}: {error}"
    if failure.error_code in _SCHEMA_MISSING:
        return (
            f"the schema is not there ({failure.detail}): "
            "run campaigndb db migrate (or alembic upgrade head)"
        )
    original = error.orig if isinstance(error, DBAPIError) else error
    hint = original.diag.message_hint if isinstance(original, psycopg.Error) else None
    return f"{failure} ({hint})" if hint else str(failure)


def _one_line(text: str) -> str:
    lines = [printable(" ".join(line.split())) for line in text.splitlines()]
    line = " | ".join(line for line in lines if line)
    return _PASSWORD_FIELD.sub(r"\1***", _URL_PASSWORD.sub(r"\1***@", line))
