"""Describes the error of a migration in one line without a password."""

from __future__ import annotations

import psycopg
from sqlalchemy.exc import DBAPIError

from campaigndb.settings import Settings


def describe_database_error(error: DBAPIError, settings: Settings) -> str:
    """The message of the server or the driver, with the setting or step that can help."""
    original = error.orig
    if not isinstance(original, psycopg.Error):
        return _one_line(str(original))
    parts = [original.diag.message_primary or str(original)]
    # The server does not know the setting's name.
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
    parts += error.detail  # who held the lock
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


def _one_line(message: str) -> str:
    return " ".join(message.split())
