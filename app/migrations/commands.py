"""Alembic's commands for callers within a program: the command line, tests, benchmarks."""

from __future__ import annotations

import io

from alembic import command
from sqlalchemy.engine import URL

from app.migrations.configuration import alembic_config
from app.settings import Settings


def upgrade(
    url: URL,
    revision: str = "head",
    settings: Settings | None = None,
    *,
    tenant: str | None = None,
    is_there: bool = False,
) -> None:
    """Migrates the database up; raises SQLAlchemy's errors, with nothing half done.

    `tenant` is the one whose schema and role `settings` name, if they do. Where the schema
    `is_there` already, one that was dropped meanwhile is not made again (CommandError).
    """
    attributes = {
        "settings": settings,
        "tenant": tenant,
        "is_there": is_there,
        "raise_errors": True,
    }
    command.upgrade(alembic_config(url, **attributes), revision)


def downgrade(
    url: URL,
    revision: str,
    settings: Settings | None = None,
    *,
    tenant: str | None = None,
) -> None:
    """Migrates the database down; raises SQLAlchemy's errors, with nothing half done."""
    attributes = {"settings": settings, "tenant": tenant, "raise_errors": True}
    command.downgrade(alembic_config(url, **attributes), revision)


def offline_script(
    direction: str,
    revisions: str,
    settings: Settings | None = None,
    *,
    tenant: str | None = None,
) -> str:
    """The SQL script of `alembic upgrade --sql` or `downgrade --sql` (`from:to`)."""
    output = io.StringIO()
    config = alembic_config(settings=settings, tenant=tenant)
    config.output_buffer = output
    run = {"upgrade": command.upgrade, "downgrade": command.downgrade}[direction]
    run(config, revisions, sql=True)
    return output.getvalue()
