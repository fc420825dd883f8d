"""Alembic's environment: one schema, chosen by the settings, migrated online or as a script.

`-x tenant=NAME` chooses a tenant's schema instead, `-x tenants=all` runs once for each tenant.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from logging.config import fileConfig
from typing import Any

from alembic import context
from alembic.util import CommandError
from psycopg.sql import SQL, Identifier, Literal
from pydantic import ValidationError
from pydantic_settings import SettingsError
from sqlalchemy import Connection, create_engine, pool, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from tenacity import RetryCallState, Retrying

from app.database import database_url, on_connect
from app.embedded_server import EmbeddedServerError
from app.migrations.deploy_lock import DeployLock, own_session
from app.migrations.messages import (
    describe_database_error,
    describe_settings_error,
    describe_unreadable_setting,
)
from app.migrations.plan import Plan
from app.migrations.privileges import privileges_statement
from app.retries import MIGRATION_POLICY, is_lock_conflict
from app.settings import Settings, get_settings
from app.tables import metadata
from app.tenants.citus import SHARD_NEXT_SCHEMA
from app.tenants.errors import TenantError
from app.tenants.registry import find_tenant, list_tenants, owner_connection
from app.tenants.roles import tenant_settings
from app.tenants.upgrades import upgrade_tenants

# Alembic's names of what its commands do here; only these change a database.
CHANGING_COMMANDS = ("upgrade", "downgrade", "do_stamp")

config = context.config
logger = logging.getLogger("alembic.env")

if config.config_file_name is not None and config.attributes.get("configure_logging", True):
    fileConfig(config.config_file_name, disable_existing_loggers=False)


def tenants_asked_for() -> tuple[str | None, bool]:
    """The tenant of `-x tenant=NAME`, and whether `-x tenants=all` is said.

    Whatever else is said is refused: a slip would migrate another schema than the one meant.
    """
    said = [argument.partition("=") for argument in getattr(config.cmd_opts, "x", None) or ()]
    if len(said) > 1 or any(key not in ("tenant", "tenants") for key, _, _ in said):
        raise CommandError("-x takes tenant=NAME or tenants=all, one of them and once")
    for key, _, value in said:
        if key == "tenant":
            return value, False
        if value != "all":
            raise CommandError("-x tenants=all is all that can be said of tenants")
        return None, True
    return config.attributes.get("tenant"), False


def load_settings() -> Settings:
    try:
        return config.attributes.get("settings") or get_settings()
    except ValidationError as error:
        raise CommandError(describe_settings_error(error)) from None
    except SettingsError as error:  # a file or a value that cannot be read at all
        raise CommandError(describe_unreadable_setting(error)) from None


def of_the_tenant(name: str) -> Settings:
    """The settings of its schema; a script sees no database, and so no role that it has."""
    try:
        if context.is_offline_mode():
            return tenant_settings(name, settings)
        tenant_settings(name, settings)  # before the name reaches a database
        url = config.attributes.get("url") or database_url(settings)
        with owner_connection(url, settings) as connection:
            found = find_tenant(connection, name, settings)
        return tenant_settings(
            name, settings, granted_roles=found.granted_roles if found is not None else ()
        )
    except TenantError as error:
        raise CommandError(str(error)) from None
    except DBAPIError as error:
        raise CommandError(describe_database_error(error, settings)) from error


settings = load_settings()
tenant, all_tenants = tenants_asked_for()
# A program that calls has said the tenant's settings already.
if tenant is not None and "tenant" not in config.attributes:
    settings = of_the_tenant(tenant)
schema = settings.schema_name
lock_timeout = round(settings.migration_lock_timeout * 1000)

# Not CREATE SCHEMA IF NOT EXISTS: that wants the right to create even where the schema exists.
CREATE_SCHEMA = SQL("""
do $schema$
begin
  if to_regnamespace(quote_ident({name})) is null then{before}
    create schema {identifier};
  end if;
end
$schema$
""").format(
    name=Literal(schema),
    before=SQL(SHARD_NEXT_SCHEMA.rstrip() if tenant is not None else "").format(
        name=Literal(schema)
    ),
    identifier=Identifier(schema),
)


def is_of_the_project(name: str | None, type_: str, parent_names: Any) -> bool:
    """Other tables may live in the same schema: autogenerate must not propose to drop them."""
    return type_ != "table" or name in metadata.tables or str(name).startswith("gmaps_")


def execute(statement: str) -> None:
    """Runs or prints a statement as it is: a colon in it is no parameter."""
    context.execute(text(statement.replace(":", r"\:")))


def apply_privileges(**_: Any) -> None:
    """Within each revision's transaction, so no new function is ever open to everybody."""
    execute(privileges_statement(settings))


def configure(*, from_nothing: bool, before_commit: Any = None, **options: Any) -> None:
    steps: list[Any] = []

    def after_step(step: Any, **_: Any) -> None:
        steps.append(step)
        if before_commit is not None:
            before_commit()

    context.configure(
        target_metadata=metadata,
        # An empty database gets all revisions or none; a filled one commits each, so that no
        # lock is held for longer than its revision needs it.
        transaction_per_migration=not from_nothing,
        include_name=is_of_the_project,
        compare_server_default=True,
        on_version_apply=[apply_privileges, after_step],
        steps=steps,
        campaigndb_schema=schema,
        campaigndb_lock_timeout=lock_timeout,
        **options,
    )


def run_offline() -> None:
    if all_tenants:
        raise CommandError("a script is for one schema: -x tenant=NAME")
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
    execute(f"SET lock_timeout TO {lock_timeout}")
    execute(f"SET statement_timeout TO {round(settings.migration_statement_timeout * 1000)}")
    with context.begin_transaction():
        if from_nothing:
            execute(CREATE_SCHEMA.as_string())
        context.run_migrations()


def run_online() -> None:
    try:
        url = config.attributes.get("url") or database_url(settings)
        if all_tenants:
            run_for_all_tenants(url)
            return
        engine = create_engine(url, poolclass=pool.NullPool)
        on_connect(
            engine,
            role=settings.owner_role,
            search_path=schema,
            lock_timeout=settings.migration_lock_timeout,
            statement_timeout=settings.migration_statement_timeout,
        )
        work = alembics_work()
        command = getattr(work, "__name__", "")
        with own_session(url, settings) as lock:
            if command in CHANGING_COMMANDS:
                lock.take()
                with engine.connect() as connection:
                    lock.take_for_work(connection)
                    run_changes(command, work, connection, lock)
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


def run_for_all_tenants(url: URL) -> None:
    command = getattr(alembics_work(), "__name__", "")
    if command not in ("upgrade", "downgrade"):
        raise CommandError(
            "-x tenants=all goes with upgrade and downgrade; campaigndb tenant list shows every"
            " tenant's revision, and -x tenant=NAME works on one"
        )
    with owner_connection(url, settings) as connection:
        tenants = list_tenants(connection, settings)
    failed = []
    for done in upgrade_tenants(
        url,
        tenants,
        settings,
        revision=context.get_context().opts["destination_rev"],
        down=command == "downgrade",
    ):
        config.print_stdout("%s", done.line)
        if done.failure is not None:
            failed.append(done.tenant)
    if failed:
        raise CommandError(
            f"{len(failed)} of {len(tenants)} tenants failed: {', '.join(sorted(failed))};"
            " run it again when that is mended, the others are done"
        )


def alembics_work() -> Any:
    """What Alembic was called for, a function that it only shows to a configured context."""
    context.configure(dialect_name="postgresql")
    return context.get_context().opts.get("fn")


def run_changes(command: str, work: Any, connection: Connection, lock: DeployLock) -> None:
    log_warnings(connection)
    plan = Plan(work)

    def migrate() -> None:
        # A failed try may have left its transaction, or Alembic's own one after a block outside.
        connection.rollback()
        from_nothing = not has_version_table(connection)
        if from_nothing and config.attributes.get("is_there"):
            raise CommandError(
                f"the schema {schema} has no table alembic_version: dropped meanwhile?"
            )
        configure(
            from_nothing=from_nothing, before_commit=lock.check, connection=connection, fn=plan
        )
        with context.begin_transaction():
            if from_nothing:
                execute(CREATE_SCHEMA.as_string())
            context.run_migrations()
        if command == "upgrade" and not context.get_context().opts["steps"]:
            # Nothing to migrate, but perhaps a newly named role to grant to.
            apply_privileges()
            connection.commit()

    policy = replace(MIGRATION_POLICY, attempts=settings.migration_attempts)
    Retrying(**policy.tenacity_options(is_lock_conflict), before_sleep=log_conflict)(migrate)


def log_conflict(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome is not None else None
    logger.warning(
        "Rolled back: %s. Try %s of %s follows in %.1f s",
        str(getattr(error, "orig", error)).strip().splitlines()[0],
        state.attempt_number + 1,
        settings.migration_attempts,
        state.upcoming_sleep,
    )


def has_version_table(connection: Connection) -> bool:
    found = connection.execute(text("select to_regclass('alembic_version') is not null"))
    exists = bool(found.scalar_one())
    # Alembic leaves a transaction that it finds open to whoever opened it.
    connection.rollback()
    return exists


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
