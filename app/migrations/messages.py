"""What went wrong with a migration, in one line without a password."""

from __future__ import annotations

import re

import psycopg
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError
from sqlalchemy.exc import DBAPIError

from app.settings import Settings


def describe_database_error(error: DBAPIError, settings: Settings) -> str:
    """The server's or driver's message, and which setting or step can help."""
    original = error.orig
    if not isinstance(original, psycopg.Error):
        return _one_line(str(original))
    parts = [original.diag.message_primary or str(original)]
    # Said on every connection that migrates, and by the server without the setting's name.
    if settings.owner_role is not None and parts[0].endswith(
        (
            f'role "{settings.owner_role}" does not exist',
            f'permission denied to set role "{settings.owner_role}"',
        )
    ):
        parts[0] += " (CAMPAIGNDB_OWNER_ROLE)"
    if original.diag.message_detail:
        parts.append(original.diag.message_detail)
    if original.diag.message_hint:
        parts.append(original.diag.message_hint)
    if advice := _advice(original.sqlstate, settings):
        parts.append(advice)
    return _one_line("; ".join(part.strip().rstrip(".") for part in parts))


def _advice(sqlstate: str | None, settings: Settings) -> str | None:
    if sqlstate == "55P03":
        return (
            "another session held a lock for longer than CAMPAIGNDB_MIGRATION_LOCK_TIMEOUT"
            f" ({settings.migration_lock_timeout:g} s) at each of"
            f" CAMPAIGNDB_MIGRATION_ATTEMPTS ({settings.migration_attempts}) attempts, the revision"
            " was rolled back: try again"
        )
    if sqlstate == "57014":
        return (
            "see CAMPAIGNDB_MIGRATION_STATEMENT_TIMEOUT"
            f" ({settings.migration_statement_timeout:g} s), the revision was rolled back"
        )
    if sqlstate == "3F000":
        return f"the schema {settings.schema_name} (CAMPAIGNDB_SCHEMA): alembic upgrade creates it"
    return None


def describe_settings_error(error: ValidationError) -> str:
    """Each wrong setting by the name of its environment variable."""
    return "; ".join(
        f"{_variable(str(problem['loc'][0]))}: {_problem(problem)}"
        for problem in error.errors(include_input=False, include_url=False)
    )


# The library's own words are about Python's types and inputs; a variable holds a text.
_PROBLEMS = {
    "bool_parsing": "neither true nor false",
    "float_parsing": "not a valid number",
    "finite_number": "not a valid number",
    "int_parsing": "not a whole number",
    "int_from_float": "not a whole number",
    "int_type": "not a whole number",
    "dict_type": "not a JSON object",
    "greater_than_equal": "less than {ge}",
}


def _problem(problem: ErrorDetails) -> str:
    if problem["type"] in _PROBLEMS:
        context = {name: f"{value:g}" for name, value in problem.get("ctx", {}).items()}
        return _PROBLEMS[problem["type"]].format(**context)
    return problem["msg"].removeprefix("Value error, ")


def describe_unreadable_setting(error: SettingsError) -> str:
    """A setting that is to be JSON and is none, by the name of its environment variable."""
    field = re.search(r'field "(\w+)"', str(error))
    return f"{_variable(field[1])}: the value is not JSON" if field else str(error)


def _variable(location: str) -> str:
    field = Settings.model_fields.get(location)
    if field is None:
        return location  # its alias, which is the variable's name
    return str(field.validation_alias or f"CAMPAIGNDB_{location.upper()}")


def _one_line(message: str) -> str:
    return " ".join(message.split())
