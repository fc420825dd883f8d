"""Alembic's commands for programs: the command line, tests and benchmarks."""

from __future__ import annotations

import io

from alembic import command
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.engine import URL

from campaigndb.database import (
    on_connect,
    quote_identifier,
    single_use_engine,
    without_password,
)
from campaigndb.migrations.configuration import alembic_config
from campaigndb.migrations.deploy_lock import own_session
from campaigndb.migrations.privileges import privileges_statement
from campaigndb.migrations.version_table import find_version_table
from campaigndb.settings import Settings


def upgrade(
    url: URL,
    revision: str = "head",
    settings: Settings | None = None,
    *,
    tenant: str | None = None,
    is_there: bool = False,
    refuse_lower: bool = False,
) -> None:
    """Migrates the database up. An error is SQLAlchemy's, and nothing is left half done.

    `tenant` is the tenant whose schema and role `settings` name. `is_there` means that the schema
    exists: if it was dropped meanwhile, it is not created again (CommandError). With `refuse_lower`
    a revision older than the database's is a CommandError; otherwise Alembic does nothing then.
    """
    attributes = {
        "settings": settings,
        "tenant": tenant,
        "is_there": is_there,
        "refuse_lower": refuse_lower,
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
    """Migrates the database down. An error is SQLAlchemy's, and nothing is left half done."""
    attributes = {"settings": settings, "tenant": tenant, "raise_errors": True}
    command.downgrade(alembic_config(url, **attributes), revision)


def offline_script(
    direction: str,
    revisions: str,
    settings: Settings | None = None,
    *,
    tenant: str | None = None,
    in_transaction: bool = False,
) -> str:
    """The SQL script of `alembic upgrade --sql`, `downgrade --sql` or `stamp --sql` (`from:to`).

    With `in_transaction` a revision never leaves its transaction; its indexes block writers.
    """
    output = io.StringIO()
    config = alembic_config(settings=settings, tenant=tenant, in_transaction=in_transaction)
    config.output_buffer = output
    run = {"upgrade": command.upgrade, "downgrade": command.downgrade, "stamp": command.stamp}[
        direction
    ]
    run(config, revisions, sql=True)
    return output.getvalue()


def current_revision(url: URL, settings: Settings) -> str:
    """The schema's revision; `base` if there is none."""
    engine = single_use_engine(url, connect_args={"prepare_threshold": None})
    with engine.connect() as connection:
        table = find_version_table(connection, settings.schema_name)
        if table is None:
            return "base"
        name = f"{quote_identifier(settings.schema_name)}.{table}"
        found = connection.execute(text(f"select version_num from {name} order by 1"))  # noqa: S608
        return ", ".join(found.scalars()) or "base"


def grant(url: URL, settings: Settings) -> None:
    """Sets the privileges of all tables and functions, as each migration does; safe to repeat.

    Raises:
        CommandError: the schema was never migrated.
        SQLAlchemyError: as for a migration.
    """
    with own_session(url, settings) as lock:
        lock.take()
        engine = single_use_engine(url)
        on_connect(
            engine,
            search_path=settings.schema_name,
            role=settings.owner_role,
            lock_timeout=settings.migration_lock_timeout,
        )
        with engine.begin() as connection:
            if find_version_table(connection, settings.schema_name) is None:
                raise CommandError(
                    f"the schema {settings.schema_name} of {without_password(url)} was never"
                    " migrated: campaigndb db migrate"
                )
            connection.execute(text(privileges_statement(settings).replace(":", r"\:")))


def grants_script(settings: Settings) -> str:
    """The statements of `grant`, as a script for psql."""
    role = settings.owner_role
    lines = [] if role is None else [f"SET ROLE {quote_identifier(role)};"]
    return "\n\n".join([*lines, privileges_statement(settings).strip() + ";"]) + "\n"
