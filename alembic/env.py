"""Alembic's environment: one schema, chosen by the settings, migrated online or as a script."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from logging.config import fileConfig
from typing import Any

from alembic import context
from alembic.util import CommandError
from psycopg.sql import SQL, Identifier, Literal
from pydantic import ValidationError
from pydantic_settings import SettingsError
from sqlalchemy import Connection, Engine, create_engine, pool, text
from sqlalchemy.exc import DBAPIError, OperationalError

from app.database import database_url, on_connect
from app.embedded_server import EmbeddedServerError
from app.migrations.messages import describe_database_error, describe_settings_error
from app.migrations.privileges import privileges_statement
from app.settings import Settings, get_settings
from app.tables import metadata

# Two deploys at once: the second one waits this long for the first, and finds it all done.
DEPLOY_LOCK_TIMEOUT_SECONDS = 60
# Alembic's names of what its commands do here; only these change a database.
CHANGING_COMMANDS = ("upgrade", "downgrade", "do_stamp")

config = context.config
logger = logging.getLogger("alembic.env")

if config.config_file_name is not None and config.attributes.get("configure_logging", True):
    fileConfig(config.config_file_name, disable_existing_loggers=False)


def load_settings() -> Settings:
    try:
        return config.attributes.get("settings") or get_settings()
    except ValidationError as error:
        raise CommandError(describe_settings_error(error)) from None
    except SettingsError as error:  # a file or a value that cannot be read at all
        raise CommandError(str(error)) from None


settings = load_settings()
schema = settings.schema_name

# Not CREATE SCHEMA IF NOT EXISTS: that wants the right to create even where the schema exists.
CREATE_SCHEMA = SQL("""
do $schema$
begin
  if to_regnamespace(quote_ident({name})) is null then
    create schema {identifier};
  end if;
end
$schema$
""").format(name=Literal(schema), identifier=Identifier(schema))


def is_of_the_project(name: str | None, type_: str, parent_names: Any) -> bool:
    """Other tables may live in the same schema: autogenerate must not propose to drop them."""
    return type_ != "table" or name in metadata.tables or str(name).startswith("gmaps_")


def execute(statement: str) -> None:
    """Runs or prints a statement as it is: a colon in it is no parameter."""
    context.execute(text(statement.replace(":", r"\:")))


def apply_privileges(**_: Any) -> None:
    """Within each revision's transaction, so no new function is ever open to everybody."""
    execute(privileges_statement(settings))


def configure(*, from_nothing: bool, **options: Any) -> None:
    steps: list[Any] = []
    context.configure(
        target_metadata=metadata,
        # An empty database gets all revisions or none; a filled one commits each, so that no
        # lock is held for longer than its revision needs it.
        transaction_per_migration=not from_nothing,
        include_name=is_of_the_project,
        compare_server_default=True,
        on_version_apply=[apply_privileges, lambda step, **_: steps.append(step)],
        steps=steps,
        campaigndb_schema=schema,
        **options,
    )


def run_offline() -> None:
    from_nothing = context.get_starting_revision_argument() in (None, "base")
    configure(
        from_nothing=from_nothing,
        dialect_name="postgresql",
        literal_binds=True,
        # The default style doubles every '%' of the script.
        dialect_opts={"paramstyle": "named"},
    )
    if settings.owner_role is not None:
        execute(SQL("SET ROLE {}").format(Identifier(settings.owner_role)).as_string())
    execute(SQL("SET search_path TO {}, pg_temp").format(Identifier(schema)).as_string())
    execute(f"SET lock_timeout TO {round(settings.migration_lock_timeout * 1000)}")
    execute(f"SET statement_timeout TO {round(settings.migration_statement_timeout * 1000)}")
    with context.begin_transaction():
        if from_nothing:
            execute(CREATE_SCHEMA.as_string())
        context.run_migrations()


def run_online() -> None:
    try:
        engine = create_engine(
            config.attributes.get("url") or database_url(settings), poolclass=pool.NullPool
        )
        on_connect(
            engine,
            role=settings.owner_role,
            search_path=schema,
            lock_timeout=settings.migration_lock_timeout,
            statement_timeout=settings.migration_statement_timeout,
        )
        command = command_name()
        if command in CHANGING_COMMANDS:
            with deploy_lock(engine), engine.connect() as connection:
                run_changes(command, connection)
        else:
            with engine.connect() as connection:
                configure(from_nothing=not has_version_table(connection), connection=connection)
                with context.begin_transaction():
                    context.run_migrations()
    except DBAPIError as error:
        if config.attributes.get("raise_errors"):
            raise
        raise CommandError(describe_database_error(error, settings)) from error
    except EmbeddedServerError as error:
        if config.attributes.get("raise_errors"):
            raise
        raise CommandError(str(error)) from error


def command_name() -> str:
    """What Alembic was called for, which it only says to a configured context."""
    context.configure(dialect_name="postgresql")
    return getattr(context.get_context().opts.get("fn"), "__name__", "")


def run_changes(command: str, connection: Connection) -> None:
    log_warnings(connection)
    from_nothing = not has_version_table(connection)
    configure(from_nothing=from_nothing, connection=connection)
    with context.begin_transaction():
        if from_nothing:
            execute(CREATE_SCHEMA.as_string())
        context.run_migrations()
    if command == "upgrade" and not context.get_context().opts["steps"]:
        # Nothing to migrate, but perhaps a newly named role to grant to.
        apply_privileges()
        connection.commit()


def has_version_table(connection: Connection) -> bool:
    found = connection.execute(text("select to_regclass('alembic_version') is not null"))
    exists = bool(found.scalar_one())
    # Alembic leaves a transaction that it finds open to whoever opened it.
    connection.rollback()
    return exists


@contextmanager
def deploy_lock(engine: Engine) -> Iterator[None]:
    """One migration of a schema at a time, also before the schema has any table to lock.

    On a connection of its own, and outside of a transaction: a snapshot held open would keep
    CREATE INDEX CONCURRENTLY waiting for ever.
    """
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text(f"set lock_timeout to '{DEPLOY_LOCK_TIMEOUT_SECONDS}s'"))
        connection.execute(text("set statement_timeout to 0"))
        try:
            connection.execute(
                text("select pg_advisory_lock(hashtext('campaigndb migration'), hashtext(:name))"),
                {"name": schema},
            )
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != "55P03":
                raise
            raise CommandError(
                f"another migration of the schema {schema} has been running for more than"
                f" {DEPLOY_LOCK_TIMEOUT_SECONDS} s: nothing was changed"
            ) from error
        yield


def log_warnings(connection: Connection) -> None:
    def log(diagnostic: Any) -> None:
        if diagnostic.severity_nonlocalized == "WARNING":
            logger.warning("%s", diagnostic.message_primary)

    driver_connection: Any = connection.connection.driver_connection
    driver_connection.add_notice_handler(log)


if context.is_offline_mode():
    run_offline()
else:
    run_online()
