"""Alembic's environment: one schema, chosen by the settings, migrated online or as a script."""

from __future__ import annotations

from logging.config import fileConfig
from typing import Any

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, pool, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from app.database import database_url, on_connect
from app.migrations.privileges import privileges_statement
from app.settings import get_settings
from app.tables import metadata

config = context.config
settings = config.attributes.get("settings") or get_settings()
schema = settings.schema_name

if config.config_file_name is not None and config.attributes.get("configure_logging", True):
    fileConfig(config.config_file_name, disable_existing_loggers=False)


def quote(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def is_of_the_project(name: str | None, type_: str, parent_names: Any) -> bool:
    """Other tables may live in the same schema: autogenerate must not propose to drop them."""
    return type_ != "table" or name in metadata.tables or str(name).startswith("gmaps_")


def apply_privileges(**_: Any) -> None:
    """Within each revision's transaction, so no new function is ever open to everybody."""
    context.execute(text(privileges_statement(settings).replace(":", r"\:")))


def run_migrations() -> None:
    """Runs the revisions; an upgrade that has none to run still grants to a newly named role."""
    steps: list[Any] = context.get_context().opts["steps"]
    with context.begin_transaction():
        context.run_migrations()
    is_upgrade = getattr(context.get_context().opts.get("fn"), "__name__", "") == "upgrade"
    if is_upgrade and not steps and not context.is_offline_mode():
        with context.get_context().begin_transaction(_per_migration=True):
            apply_privileges()


def configure(**options: Any) -> None:
    steps: list[Any] = []
    context.configure(
        target_metadata=metadata,
        transaction_per_migration=True,
        include_name=is_of_the_project,
        compare_server_default=True,
        on_version_apply=[apply_privileges, lambda step, **_: steps.append(step)],
        steps=steps,
        campaigndb_schema=schema,
        **options,
    )


def run_offline() -> None:
    configure(
        dialect_name="postgresql",
        literal_binds=True,
        # The default style doubles every '%' of the script.
        dialect_opts={"paramstyle": "named"},
    )
    with context.begin_transaction():
        if settings.owner_role is not None:
            context.execute(f"SET ROLE {quote(settings.owner_role)}")
        if schema != "public":
            context.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}")
        context.execute(f"SET search_path TO {quote(schema)}, pg_temp")
        context.run_migrations()


def ensure_schema(connection: Connection) -> None:
    # CREATE SCHEMA IF NOT EXISTS wants the right to create even where the schema exists.
    exists = connection.execute(
        text("select exists (select from pg_namespace where nspname = :name)"), {"name": schema}
    ).scalar_one()
    if not exists:
        connection.execute(text(f"CREATE SCHEMA {quote(schema)}"))
    connection.commit()


def run_online() -> None:
    url = config.attributes.get("url") or database_url(settings)
    engine = create_engine(url, poolclass=pool.NullPool)
    on_connect(
        engine,
        role=settings.owner_role,
        search_path=schema,
        lock_timeout=settings.migration_lock_timeout,
        statement_timeout=settings.migration_statement_timeout,
    )
    try:
        with engine.connect() as connection:
            ensure_schema(connection)
            configure(connection=connection)
            run_migrations()
    except (OperationalError, ProgrammingError) as error:
        if config.attributes.get("raise_errors"):
            raise
        raise CommandError(str(error.orig).strip()) from error


if context.is_offline_mode():
    run_offline()
else:
    run_online()
