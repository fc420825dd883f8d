"""A disposable database at a given revision, with which a live database is compared.

It must be on a server of the same major version, which has the same catalogs. The first choice is
a server that was named for it, then the live database's server if the role may create databases
there, then the embedded server. The shadow's name is a hash of its sources, so that a shadow that
was kept is found again until they change.
"""

from __future__ import annotations

import hashlib
import json
import logging
import traceback
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import LiteralString

from psycopg.sql import SQL, Identifier
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from campaigndb.database import single_use_engine
from campaigndb.embedded_server import EmbeddedServerError, embedded_major_version, temporary_server
from campaigndb.migrations.commands import upgrade
from campaigndb.migrations.configuration import ALEMBIC_FOLDER
from campaigndb.migrations.pooler import leads_to_transaction_pooler
from campaigndb.settings import Settings

PREFIX = "campaigndb_shadow_"
_PACKAGE = Path(__file__).resolve().parents[2]
Tell = Callable[[str], None]
_log = logging.getLogger(__name__)


class ShadowError(Exception):
    """No shadow database can be used; one line that says why and what to do."""


@dataclass(frozen=True)
class Wanted:
    """The properties of the shadow.

    Attributes:
        revision: the revision of the migrations.
        major_version: the major version of PostgreSQL.
        roles: roles of the live server that migrations grant to or revoke from.
        settings: the settings of the migration. The application role exists on the live server.
    """

    revision: str
    major_version: int
    roles: Sequence[str]
    settings: Settings

    @property
    def database(self) -> str:
        """A name that changes with any of the shadow's sources."""
        digest = hashlib.sha256(
            json.dumps(
                [
                    self.revision,
                    self.settings.schema_name,
                    self.settings.app_role,
                    sorted(self.roles),
                ]
            ).encode()
        )
        sources = [
            *ALEMBIC_FOLDER.glob("*.py"),
            *ALEMBIC_FOLDER.glob("versions/*.py"),
            *ALEMBIC_FOLDER.glob("functions/*.sql"),
            *_PACKAGE.glob("migrations/*.py"),
            *_PACKAGE.glob("functions/*.sql"),
            *_PACKAGE.glob("tables/*.py"),
        ]
        for path in sorted(sources):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        return PREFIX + digest.hexdigest()[:24]


@contextmanager
def shadow_database(
    wanted: Wanted,
    live: URL,
    *,
    server: URL | None = None,
    may_create: bool = False,
    keep: bool = False,
    tell: Tell = lambda _: None,
) -> Iterator[URL]:
    """The address of a shadow. It is dropped afterwards unless it existed before or is kept.

    Args:
        wanted: its properties.
        live: the database that is compared. The shadow may be on its server, unless the address
            leads to a transaction pooler.
        server: a database on another server on which shadows may be created.
        may_create: whether `live`'s role may create a database.
        keep: keep it for the next comparison.
        tell: receives a line about each slow step.

    Raises:
        ShadowError: no shadow can be created.
    """
    with ExitStack() as stack:
        if server is not None:
            _check_version(server, wanted)
            yield stack.enter_context(_on_server(wanted, server, keep, tell, make_roles=True))
        elif not (may_create or _is_there(live, wanted.database)):
            refusal = "its role may not create one beside it (createdb)"
            yield stack.enter_context(_on_embedded_server(wanted, refusal, tell))
        elif leads_to_transaction_pooler(live):
            refusal = "its address leads to a transaction pooler, through which none can be made"
            yield stack.enter_context(_on_embedded_server(wanted, refusal, tell))
        else:
            yield stack.enter_context(_on_server(wanted, live, keep, tell))


@contextmanager
def _on_embedded_server(wanted: Wanted, refusal: str, tell: Tell) -> Iterator[URL]:
    # The shadow has its own role, schema and address; the settings name the programs.
    settings = wanted.settings
    no_shadow = (
        f"the database runs PostgreSQL {wanted.major_version}, and there is no shadow to compare "
        f"it with: {refusal}, {{embedded}}; name a server of PostgreSQL {wanted.major_version} by "
        "--shadow-url"
    )
    try:
        version = embedded_major_version(settings)
    except EmbeddedServerError as error:
        raise ShadowError(
            no_shadow.format(embedded=f"no embedded server starts ({error})")
        ) from None
    if version != wanted.major_version:
        raise ShadowError(no_shadow.format(embedded=f"the embedded server is of version {version}"))
    tell(f"starting an embedded PostgreSQL {version} for the shadow database")
    with (
        temporary_server(settings) as server,
        _on_server(wanted, server.url, False, tell, make_roles=True) as url,
    ):
        yield url


@contextmanager
def _on_server(
    wanted: Wanted, server: URL, keep: bool, tell: Tell, make_roles: bool = False
) -> Iterator[URL]:
    if _is_there(server, wanted.database):
        url = server.set(database=wanted.database)
        _check_name(url)
        yield url
        return
    # Created under a unique name, so that nobody finds an unfinished shadow.
    name = f"{PREFIX}{uuid.uuid4().hex}"
    url = server.set(database=name)
    tell(f"making a shadow database of revision {wanted.revision}")
    with _administering(server) as holder:
        leave_no_trace(holder)
        # This lock is held while the shadow is used, and is visible in all databases of the server.
        # A shadow without it was left behind by a killed run.
        holder.execute(
            text("""
                select
                  set_config('idle_session_timeout', '0', false),
                  pg_advisory_lock(hashtextextended(:name, 0))
            """),
            {"name": name},
        )
        _drop_leftovers(holder)
        # A signal may arrive at any moment, also during the creation.
        try:
            if make_roles:
                _make_roles(holder, wanted.roles)
            _administer(holder, "create database {} template template0", name)
            with suppress(DBAPIError):  # also for the migration's sessions, if the role may
                _administer(holder, "alter database {} set pg_stat_statements.track = none", name)
            _check_name(url)
            # The role that creates it owns it; the owner's name is not compared.
            settings = replace(wanted.settings, owner_role=None)
            upgrade(url, wanted.revision, settings)
            if keep:
                name = _renamed(holder, name, wanted.database)
            yield server.set(database=name)
        except BaseException as error:
            # The exception's frames may hold a connection that a signal interrupted during login.
            # DROP DATABASE would wait for it until the server times out after a minute.
            traceback.clear_frames(error.__traceback__)
            raise
        finally:
            if name != wanted.database:
                _drop(server, name)


# A leftover is a shadow with a unique name whose creator is gone.
_LEFTOVERS = text("""
    select d.datname::text
    from pg_database as d
    cross join hashtextextended(d.datname::text, 0) as number
    where d.datname ~ :pattern and pg_has_role(d.datdba, 'usage')
      and not exists (
        select from pg_locks as l
        where l.locktype = 'advisory' and l.objsubid = 1
          and (l.classid::bigint << 32) | l.objid::bigint = number
      )
""")


def _drop_leftovers(connection: Connection) -> None:
    names = connection.execute(_LEFTOVERS, {"pattern": f"^{PREFIX}[0-9a-f]{{32}}$"}).scalars().all()
    for name in names:
        # Another run may be dropping it, or somebody may be connected.
        with suppress(DBAPIError):
            _administer(connection, "drop database if exists {}", name)


def _drop(server: URL, name: str) -> None:
    """Drops a shadow. If that fails, the comparison is still valid, and the next run retries.

    Only a superuser may use FORCE while an autovacuum worker is in the database. A plain DROP
    DATABASE ends such a worker and waits for it.
    """
    try:
        # A new connection, because a signal may have interrupted the holder's.
        with _administering(server) as connection:
            leave_no_trace(connection)
            _administer(connection, "drop database if exists {}", name)
    except DBAPIError as error:
        reason = str(error.orig).splitlines()[0]
        _log.warning(
            "the shadow database %s is left for the next comparison to drop: %s", name, reason
        )


def _renamed(connection: Connection, name: str, final: str) -> str:
    """Renames the shadow; returns its name, which is the old one if another process was faster."""
    with suppress(DBAPIError):
        _administer(connection, "alter database {} rename to {}", name, final)
        return final
    return name


def _administer(connection: Connection, statement: LiteralString, *names: str) -> None:
    connection.exec_driver_sql(SQL(statement).format(*map(Identifier, names)).as_string())


def leave_no_trace(connection: Connection, *, is_local: bool = False) -> None:
    """Keeps the following statements out of pg_stat_statements, if the role may.

    Each shadow's statements would be new entries there and displace others. A superuser may change
    the setting, and so may a role with the privilege SET on it.
    """
    connection.execute(
        text("""
            select set_config('pg_stat_statements.track', 'none', :is_local)
            where current_setting('pg_stat_statements.track', true) is not null
              and has_parameter_privilege('pg_stat_statements.track', 'set')
        """),
        {"is_local": is_local},
    )


def _make_roles(connection: Connection, roles: Sequence[str]) -> None:
    """Creates the live server's roles without a login, because migrations grant to them."""
    known = set(connection.execute(text("select rolname from pg_roles")).scalars())
    for role in roles:
        if role not in known:
            connection.exec_driver_sql(
                SQL("create role {}").format(Identifier(role)).as_string().replace("%", "%%")
            )


def _check_version(server: URL, wanted: Wanted) -> None:
    with _administering(server) as connection:
        found = connection.execute(text("show server_version_num")).scalar_one()
    if int(found) // 10_000 != wanted.major_version:
        raise ShadowError(
            f"the database runs PostgreSQL {wanted.major_version}, the server of --shadow-url "
            f"{int(found) // 10_000}: catalogs of different versions cannot be compared"
        )


def _is_there(server: URL, database: str) -> bool:
    """Whether there is a kept shadow whose owner can be trusted.

    The owner must be able to change the live database as well. The shadow's name is no secret, so
    anybody else could have created a database that hides a change of the live one.

    Raises:
        ShadowError: a database of this name belongs to somebody else.
    """
    with _administering(server) as connection:
        found = connection.execute(
            text("""
                select
                  pg_get_userbyid(shadow.datdba) as owner,
                  shadow.datdba in (live.datdba, to_regrole(quote_ident(current_user)))
                    or (select r.rolsuper from pg_roles as r where r.oid = shadow.datdba)
                    as is_trusted
                from pg_database as shadow
                join pg_database as live on live.datname = current_database()
                where shadow.datname = :name
            """),
            {"name": database},
        ).one_or_none()
    if found is not None and not found.is_trusted:
        raise ShadowError(
            f"the database {database} belongs to {found.owner}, who is not to be trusted with the "
            "shadow: drop it"
        )
    return found is not None


def _check_name(url: URL) -> None:
    """Checks that the address leads to the database that it names."""
    with _administering(url) as connection:
        reached = connection.execute(text("select current_database()")).scalar_one()
    if reached != url.database:
        raise ShadowError(f"the address of {url.database} leads to the database {reached}")


@contextmanager
def _administering(url: URL) -> Iterator[Connection]:
    with single_use_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
        yield connection
