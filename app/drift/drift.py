"""Whether a live database is what the code says: its catalogs beside a shadow's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, pool, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from app.database import on_begin
from app.drift.comparison import Difference, compare
from app.drift.ignoring import Pattern, without_ignored
from app.drift.roles import Surroundings, read_surroundings
from app.drift.shadow import Tell, Wanted, shadow_database
from app.drift.snapshot import Snapshot, quoted, read_snapshot
from app.migrations.configuration import alembic_config
from app.settings import Settings, get_settings
from app.tables import metadata

# To read takes no lock that a worker waits for; if a migration at work holds one, it is not waited
# for either.
LOCK_TIMEOUT_SECONDS = 2.0
STATEMENT_TIMEOUT_SECONDS = 30.0
LOCK_NOT_AVAILABLE = "55P03"
READING = {"jit": "off", "quote_all_identifiers": "off", "datestyle": "ISO", "timezone": "UTC"}
# The roles that migrations know by name, where a platform has them.
PLATFORM_ROLES = ("anon", "authenticated", "service_role")


class DriftUnknownError(Exception):
    """It cannot be told whether a database drifted; one line that says why and what to do."""


@dataclass(frozen=True)
class DriftReport:
    """What was compared, and what came of it.

    Attributes:
        schema: the schema that was compared.
        revision: the one it was compared with.
        differences: one entry for each; empty where there is no drift.
        ignored: those that a pattern leaves out.
        unused: patterns that left out nothing.
    """

    schema: str
    revision: str
    differences: Sequence[Difference]
    ignored: Sequence[Difference] = ()
    unused: Sequence[Pattern] = ()


@dataclass(frozen=True)
class _Live:
    snapshot: Snapshot
    surroundings: Surroundings
    revisions: Sequence[str]
    major_version: int
    roles: Sequence[str]
    may_create: bool


def find_drift(
    url: URL,
    settings: Settings | None = None,
    *,
    ignore: Sequence[Pattern] = (),
    shadow_server: URL | None = None,
    keep_shadow: bool = False,
    tell: Tell = lambda _: None,
) -> DriftReport:
    """Compares a database with what the migrations make of an empty one; it only reads.

    Args:
        url: the database, as a role that may read the table `alembic_version`.
        settings: say which schema and which roles are meant; default: this process's.
        ignore: differences to leave out.
        shadow_server: where the shadow is made; default: see `shadow_database`.
        keep_shadow: leave the shadow for the next time.
        tell: is told, in a line, what takes its time.

    Raises:
        DriftUnknownError: the revision cannot be read.
        ShadowError: there is nothing to compare with.
        SQLAlchemyError: the database or the shadow cannot be reached or read.
    """
    settings = settings or get_settings()
    scripts = ScriptDirectory.from_config(alembic_config(settings=settings))
    head = scripts.get_current_head() or "base"
    with _reading(url, settings) as connection:
        live = _read_live(connection, settings)
    if not live.revisions and not _has_tables(live.snapshot):
        # A line for each object would bury what to do.
        differences = [_nothing_there(head, settings.schema_name)]
        left, ignored = without_ignored(differences, ignore)
        return DriftReport(settings.schema_name, head, left, ignored)
    known = {script.revision for script in scripts.walk_revisions()}
    is_known = len(live.revisions) == 1 and live.revisions[0] in known
    revision = live.revisions[0] if is_known else head

    app_role = settings.app_role if settings.app_role in live.roles else None
    wanted = Wanted(
        revision, live.major_version, live.roles, settings.model_copy(update={"app_role": app_role})
    )
    with (
        shadow_database(
            wanted,
            url,
            server=shadow_server,
            may_create=live.may_create,
            keep=keep_shadow,
            tell=tell,
        ) as shadow_url,
        _reading(shadow_url, settings) as connection,
    ):
        shadow = read_snapshot(connection, settings.schema_name)

    differences = [
        *_revision_differences(live.revisions, head, is_known, settings.schema_name),
        *compare(
            {**shadow.objects, **live.surroundings.expected},
            {**live.snapshot.objects, **live.surroundings.found},
            live.snapshot.owner,
        ),
    ]
    left, ignored = without_ignored(differences, ignore)
    unused = [pattern for pattern in ignore if not any(map(pattern.matches, ignored))]
    return DriftReport(settings.schema_name, revision, left, ignored, unused)


@contextmanager
def _reading(url: URL, settings: Settings) -> Iterator[Connection]:
    engine = create_engine(
        url,
        poolclass=pool.NullPool,
        connect_args={"fallback_application_name": "campaigndb drift", "prepare_threshold": None},
    )
    # One transaction, and nothing that would stay with a transaction pooler's connection.
    on_begin(
        engine,
        search_path=settings.schema_name,
        lock_timeout=LOCK_TIMEOUT_SECONDS,
        statement_timeout=STATEMENT_TIMEOUT_SECONDS,
    )
    with engine.connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        # What the server or the role sets must not change how the catalogs read. And to compile one
        # query with many parts, each run once, takes longer than to run it.
        for name, value in READING.items():
            connection.execute(
                text("select set_config(:name, :value, true)"), {"name": name, "value": value}
            )
        try:
            yield connection
        except (DBAPIError, psycopg.Error) as error:
            if getattr(getattr(error, "orig", error), "sqlstate", None) != LOCK_NOT_AVAILABLE:
                raise
            raise DriftUnknownError(
                "a table of the schema is locked, probably by a migration at work: "
                "run it again when that has ended"
            ) from error


def _read_live(connection: Connection, settings: Settings) -> _Live:
    schema = settings.schema_name
    server = connection.execute(
        text("""
            select
              current_setting('server_version_num')::int / 10000 as major_version,
              r.rolcreatedb or r.rolsuper as may_create,
              array(
                select other.rolname::text from pg_roles as other
                where other.rolname = any (cast(:roles as text[]))
              ) as roles
            from pg_roles as r
            where r.rolname = current_user
        """),
        {"roles": [role for role in (settings.app_role, *PLATFORM_ROLES) if role]},
    ).one()
    return _Live(
        snapshot=read_snapshot(connection, schema, settings.owner_role),
        surroundings=read_surroundings(connection, settings.app_role, settings.owner_role),
        revisions=_read_revisions(connection, schema),
        major_version=server.major_version,
        roles=server.roles,
        may_create=server.may_create,
    )


def _read_revisions(connection: Connection, schema: str) -> list[str]:
    table = f"{quoted(schema)}.alembic_version"
    found = connection.execute(
        text("""
            select
              has_schema_privilege(c.relnamespace, 'usage') as may_use,
              has_table_privilege(c.oid, 'select') as may_read,
              row_security_active(c.oid)
                and not exists (select from pg_policy as p where p.polrelid = c.oid) as is_hidden
            from pg_class as c
            join pg_namespace as n on n.oid = c.relnamespace
            where n.nspname = :schema and c.relname = 'alembic_version'
        """),
        {"schema": schema},
    ).one_or_none()
    if found is None:
        return []
    role = connection.execute(text("select current_user")).scalar_one()
    if not found.may_use:
        raise DriftUnknownError(
            f"{role} may not use the schema: grant usage on schema {quoted(schema)} to {role}"
        )
    if not found.may_read:
        raise DriftUnknownError(
            f"{role} may not read the revision: grant select on {table} to {role}"
        )
    if found.is_hidden:
        raise DriftUnknownError(
            f"row security hides the revision from {role}: run alembic upgrade once, which gives "
            f"{table} its policy, or connect as its owner"
        )
    return list(
        connection.execute(text(f"select version_num from {table} order by 1")).scalars()  # noqa: S608
    )


def _has_tables(snapshot: Snapshot) -> bool:
    return any(
        item.kind == "table" and item.name in metadata.tables for item in snapshot.objects.values()
    )


def _nothing_there(head: str, schema: str) -> Difference:
    return Difference(
        kind="revision",
        name=f"of schema {quoted(schema)}",
        problem="changed",
        attribute="number",
        expected=head,
        found="none, as the schema is not there",
        mend="campaigndb db migrate (or alembic upgrade head)",
    )


def _revision_differences(
    revisions: Sequence[str], head: str, is_known: bool, schema: str
) -> Iterator[Difference]:
    if list(revisions) != [head]:
        yield Difference(
            kind="revision",
            name=f"of schema {quoted(schema)}",
            problem="changed",
            attribute="number",
            expected=head,
            found=list(revisions),
            mend="alembic upgrade head" if is_known or not revisions else None,
        )
