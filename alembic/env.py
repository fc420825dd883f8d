"""Alembic's environment: one schema, chosen by the settings, migrated online or as a script.

`-x tenant=NAME` chooses a tenant's schema instead, `-x tenants=all` runs once for each tenant.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from logging.config import fileConfig
from typing import Any

from alembic import context
from alembic.util import CommandError
from psycopg.sql import SQL, Identifier, Literal
from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from campaigndb.database import on_connect, set_for_now, single_use_engine, without_password
from campaigndb.embedded_server import EmbeddedServerError, database_url
from campaigndb.migrations.comments import comments_statement
from campaigndb.migrations.deploy_lock import DeployLock, own_session, take_in_transaction
from campaigndb.migrations.messages import describe_database_error
from campaigndb.migrations.plan import Plan
from campaigndb.migrations.privileges import privileges_statement
from campaigndb.migrations.version_table import (
    NOWHERE,
    VERSION_TABLE,
    check_start_statement,
    find_version_table,
    take_over_statement,
)
from campaigndb.operations.tenants.citus import SHARD_NEXT_SCHEMA
from campaigndb.operations.tenants.errors import TenantError
from campaigndb.operations.tenants.registry import find_tenant, list_tenants, owner_connection
from campaigndb.operations.tenants.roles import tenant_settings
from campaigndb.operations.tenants.upgrades import upgrade_tenants
from campaigndb.settings import (
    Settings,
    SettingsError,
    check_address,
    get_settings,
    sqlalchemy_url,
)
from campaigndb.tables import metadata

# Alembic's names of what its commands do here: revision and check, current, history, show, edit,
# merge. Whatever else there is, or will be, may change the database.
READING_COMMANDS = (
    "retrieve_migrations",
    "display_version",
    "_display_current_history",
    "show_current",
    "edit_current",
    "nothing",
)
# lock_not_available (lock_timeout), deadlock_detected
LOCK_CONFLICTS = ("55P03", "40P01")

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
        if config.attributes.get("connection") is not None:
            # A service's own DATABASE_URL does not matter, whatever it names.
            return config.attributes.get("settings") or Settings(database_url=None)
        return config.attributes.get("settings") or get_settings()
    except SettingsError as error:
        raise CommandError(str(error)) from None


def given_connection() -> Connection | Engine | None:
    """What a program put into `Config.attributes["connection"]`, as Alembic's cookbook says."""
    given = config.attributes.get("connection")
    if given is not None and not isinstance(given, (Connection, Engine)):
        raise CommandError(
            "Config.attributes['connection'] has to be SQLAlchemy's Connection or Engine, not "
            f"{type(given).__name__}"
        )
    if given is not None and given.dialect.driver not in ("psycopg", "psycopg_async"):
        raise CommandError(f"migrations need the driver psycopg, not {given.dialect.driver}")
    return given


def address(*, create: bool = False) -> URL:
    """Where the database is: as the program says, DATABASE_URL, or Alembic's `sqlalchemy.url`."""
    if (url := config.attributes.get("url")) is not None:
        return url
    configured = config.get_main_option("sqlalchemy.url")
    if not configured:
        return database_url(settings, create=create)
    try:
        check_address(configured.strip())
    except ValueError as error:
        raise CommandError(f"sqlalchemy.url: {error}") from None
    url = sqlalchemy_url(configured.strip())
    if settings.database_url is not None and database_url(settings) != url:
        raise CommandError(
            f"sqlalchemy.url ({without_password(url)}) and DATABASE_URL"
            f" ({without_password(database_url(settings))}) differ: set one of them; nothing was"
            " changed"
        )
    return url


def of_the_tenant(name: str) -> Settings:
    """The settings of its schema; a script sees no database, and so no role that it has."""
    try:
        own = tenant_settings(name, settings)  # before the name reaches a database
        if context.is_offline_mode():
            return own
        with looking() as connection:
            found = find_tenant(connection, name, settings, with_revisions=False)
        return tenant_settings(
            name, settings, granted_roles=found.granted_roles if found is not None else ()
        )
    except (TenantError, EmbeddedServerError) as error:
        raise CommandError(str(error)) from None
    except DBAPIError as error:
        raise CommandError(describe_database_error(error, settings)) from error


@contextmanager
def looking() -> Iterator[Connection]:
    """A connection for looking at the catalogs, before the command's own."""
    given = given_connection()
    if isinstance(given, Connection):
        is_callers = given.in_transaction()
        yield given
        if not is_callers:
            given.rollback()
    else:
        connected = given.connect() if given is not None else owner_connection(address(), settings)
        with connected as connection:
            yield connection


settings = load_settings()
tenant, all_tenants = tenants_asked_for()
# A program that calls has said the tenant's settings already.
if tenant is not None and "tenant" not in config.attributes:
    settings = of_the_tenant(tenant)
schema = settings.schema_name
lock_timeout = round(settings.migration_lock_timeout * 1000)
# Whatever the role, the database or the server has: they bound what callers do.
session = {
    "search_path": schema,
    "role": settings.owner_role,
    "lock_timeout": settings.migration_lock_timeout,
    "statement_timeout": settings.migration_statement_timeout,
    "transaction_timeout": 0,
    "idle_in_transaction_session_timeout": 0,
}

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
    return type_ != "table" or (str(name).startswith("gmaps_") and name != VERSION_TABLE)


def is_lock_conflict(error: BaseException) -> bool:
    """Whether a revision failed for a lock that others held at that moment."""
    return isinstance(error, DBAPIError) and (
        getattr(error.orig, "sqlstate", None) in LOCK_CONFLICTS
    )


def execute(statement: str) -> None:
    """Runs or prints a statement as it is: a colon in it is no parameter."""
    context.execute(text(statement.replace(":", r"\:")))


def apply_privileges(**_: Any) -> None:
    """Within each revision's transaction, so no new function is ever open to everybody."""
    execute(privileges_statement(settings))
    execute(comments_statement(settings))


def configure(*, from_nothing: bool, before_commit: Any = None, **options: Any) -> None:
    options.setdefault("version_table", VERSION_TABLE)
    # An index of an empty table is built at once, within the one transaction.
    options.setdefault("campaigndb_in_transaction", from_nothing)
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
    work = alembics_work()

    def checked(heads: Any, migration: Any) -> Iterator[Any]:
        """Each transaction begins by looking whether the database is where the script has it."""
        steps = list(work(heads, migration))
        ends = [one_text(step.to_revisions_no_deps) for step in steps]
        starts = [one_text(step.from_revisions_no_deps) for step in steps]
        for step, start in zip(steps, starts, strict=True):
            statements = [
                check_start_statement(
                    schema,
                    start,
                    ends[-1],
                    script=f"from {starts[0] or 'base'} to {ends[-1] or 'base'}",
                    is_first=step is steps[0],
                )
            ]
            if step is steps[0]:
                statements.insert(0, take_over_statement(schema, known_revisions()))
            if not from_nothing:
                execute(NOWHERE)
                step.migration_fn = preceded(step.migration_fn, statements)
            elif step is steps[0]:
                for statement in (NOWHERE, *statements, CREATE_SCHEMA.as_string()):
                    execute(statement)
            yield step

    def preceded(run: Any, statements: list[str]) -> Any:
        def check_and_run(**arguments: Any) -> None:
            for statement in statements:
                execute(statement)
            run(**arguments)

        return check_and_run

    def one_text(revisions: Iterable[str]) -> str | None:
        return ", ".join(sorted(revisions)) or None

    configure(
        from_nothing=from_nothing,
        # Whoever applies it cannot leave its transaction, as an index built concurrently does.
        campaigndb_in_transaction=from_nothing or config.attributes.get("in_transaction", False),
        dialect_name="postgresql",
        literal_binds=True,
        # The default style doubles every '%' of the script.
        dialect_opts={"paramstyle": "named"},
        fn=checked,
    )
    if settings.owner_role is not None:
        execute(SQL("SET ROLE {}").format(Identifier(settings.owner_role)).as_string())
    execute(f"SET lock_timeout TO {lock_timeout}")
    execute(f"SET statement_timeout TO {round(settings.migration_statement_timeout * 1000)}")
    execute("SET idle_in_transaction_session_timeout TO 0")
    execute(SETTINGS_OF_SOME_SERVERS)
    with context.begin_transaction():
        context.run_migrations()
    # Whatever runs in the same session afterwards finds its own settings.
    for setting in session:
        if setting != "transaction_timeout":  # PostgreSQL 15 and 16 have none
            execute(f"RESET {setting}")


# Not every server has these settings, and a script finds out on its own. Why a cluster is told to
# allow triggers stands in database.py.
SETTINGS_OF_SOME_SERVERS = """
do $timeout$
begin
  if current_setting('transaction_timeout', true) is not null then
    set transaction_timeout to 0;
  end if;
  if current_setting('citus.enable_unsafe_triggers', true) is not null then
    set citus.enable_unsafe_triggers to on;
  end if;
end
$timeout$
"""


def known_revisions() -> list[str]:
    return [script.revision for script in context.script.walk_revisions()]


def run_online() -> None:
    try:
        given = given_connection()
        if given is not None and all_tenants:
            raise CommandError("-x tenants=all takes the database from DATABASE_URL alone")
        command = work_name()
        if isinstance(given, Connection):
            run_on(given, command)
            return
        if all_tenants:
            run_for_all_tenants(address())
            return
        target = given if given is not None else address(create=command == "upgrade")
        engine = single_use_engine(target)
        on_connect(engine, **session)
        with own_session(target, settings) as lock:
            if command in READING_COMMANDS:
                with engine.connect() as connection:
                    read(connection)
                return
            lock.take()
            with engine.connect() as connection:
                lock.take_for_work(connection)
                run_changes(command, connection, lock)
    except DBAPIError as error:
        if config.attributes.get("raise_errors"):
            raise
        raise CommandError(describe_database_error(error, settings)) from error
    except EmbeddedServerError as error:
        if config.attributes.get("raise_errors"):
            raise
        raise CommandError(str(error)) from error


def read(connection: Connection, **options: Any) -> None:
    configure(
        from_nothing=False,
        connection=connection,
        # One of an earlier release is read as it is.
        version_table=find_version_table(connection, schema) or VERSION_TABLE,
        dont_mutate=True,
        **options,
    )
    with context.begin_transaction():
        context.run_migrations()


def run_on(connection: Connection, command: str) -> None:
    """Alembic's recipe for programs: on this connection alone, within the caller's transaction.

    Nothing is tried again: what the transaction did before would be lost.
    """
    if connection.connection.dbapi_connection.autocommit:
        raise CommandError("the connection is in autocommit mode: a migration is one transaction")
    with (
        nullcontext() if connection.in_transaction() else connection.begin(),
        set_for_now(connection, **session),
    ):
        if command in READING_COMMANDS:
            read(connection, campaigndb_in_transaction=True)
            return
        take_in_transaction(connection, settings)
        with warnings_logged(connection):
            change(command, connection, campaigndb_in_transaction=True)


def run_for_all_tenants(url: URL) -> None:
    command = work_name()
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


def work_name() -> str:
    return getattr(alembics_work(), "__name__", "")


def run_changes(command: str, connection: Connection, lock: DeployLock) -> None:
    plan = Plan(alembics_work())

    def migrate() -> None:
        # A failed try may have left its transaction, or Alembic's own one after a block outside.
        connection.rollback()
        try:
            with lock.watching(connection):
                change(command, connection, before_commit=lock.check, fn=plan)
        except DBAPIError as error:
            if (blocker := lock.take_blocker()) is not None and is_lock_conflict(error):
                error.add_detail(f"the lock was held by {blocker}")
            raise

    with warnings_logged(connection):
        Retrying(
            retry=retry_if_exception(is_lock_conflict),
            stop=stop_after_attempt(settings.migration_attempts),
            # A revision that waits for a lock makes every caller of the table wait behind it: it
            # waits for a short time, and lets them all through before it tries again.
            wait=wait_random_exponential(multiplier=0.5, max=10),
            before_sleep=log_conflict,
            reraise=True,
        )(migrate)


def change(command: str, connection: Connection, **options: Any) -> None:
    is_own = not connection.in_transaction()
    connection.execute(text(take_over_statement(schema, known_revisions()).replace(":", r"\:")))
    from_nothing = find_version_table(connection, schema) != VERSION_TABLE
    if is_own:
        # Alembic leaves a transaction that it finds open to whoever opened it.
        connection.commit()
    if from_nothing and config.attributes.get("is_there"):
        raise CommandError(f"the schema {schema} has no table {VERSION_TABLE}: dropped meanwhile?")
    configure(from_nothing=from_nothing, connection=connection, **options)
    with context.begin_transaction():
        if from_nothing:
            execute(CREATE_SCHEMA.as_string())
        context.run_migrations()
    if command == "upgrade" and not context.get_context().opts["steps"]:
        refuse_lower_target()
        # Nothing to migrate, but perhaps a newly named role to grant to.
        apply_privileges()
        if is_own:
            connection.commit()


def refuse_lower_target() -> None:
    """Alembic says nothing of a target below the database's revision: nothing is to be done."""
    if not config.attributes.get("refuse_lower"):
        return
    heads = context.get_context().get_current_heads()
    wanted = context.script.get_revision(context.get_revision_argument())
    if wanted is not None and wanted.revision not in heads:
        raise CommandError(
            f"the schema {schema} is at {', '.join(heads)}, above {wanted.revision}: campaigndb db"
            f" downgrade {wanted.revision} goes back; nothing was changed"
        )


def log_conflict(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome is not None else None
    problem = str(getattr(error, "orig", error)).strip().splitlines()[0]
    logger.warning(
        "Rolled back: %s. Try %s of %s follows in %.1f s",
        "; ".join([problem, *getattr(error, "detail", ())]),
        state.attempt_number + 1,
        settings.migration_attempts,
        state.upcoming_sleep,
    )


@contextmanager
def warnings_logged(connection: Connection) -> Iterator[None]:
    def log(diagnostic: Any) -> None:
        if diagnostic.severity_nonlocalized == "WARNING":
            logger.warning("%s", diagnostic.message_primary)

    driver_connection: Any = connection.connection.driver_connection
    driver_connection.add_notice_handler(log)
    try:
        yield
    finally:
        driver_connection.remove_notice_handler(log)


if context.is_offline_mode():
    run_offline()
else:
    run_online()
