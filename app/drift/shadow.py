"""A disposable database that was migrated to a given revision: what a live one is compared with.

It has to be on a server of the same major version, whose catalogs look the same. First choice is
a server that was named for it, then the live database's own server where the role may create a
database, then the embedded one. Its name tells what it was made from, so that one that was kept
is found again as long as nothing has changed.
"""

from __future__ import annotations

import hashlib
import json
import traceback
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from psycopg.sql import SQL, Identifier
from sqlalchemy import Connection, Engine, create_engine, pool, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from app.embedded_server import EmbeddedServerError, embedded_major_version, temporary_server
from app.migrations.commands import upgrade
from app.migrations.configuration import ALEMBIC_FOLDER
from app.migrations.pooler import leads_to_transaction_pooler
from app.settings import Settings

PREFIX = "campaigndb_shadow_"
_PACKAGE = Path(__file__).resolve().parents[1]
Tell = Callable[[str], None]


class ShadowError(Exception):
    """There is no database to compare with; one line that says why and what to do."""


@dataclass(frozen=True)
class Wanted:
    """What the shadow has to be like.

    Attributes:
        revision: of the migrations.
        major_version: of PostgreSQL.
        roles: those of the live server that migrations grant to or take from.
        settings: of the migration; its role for applications exists on the live server.
    """

    revision: str
    major_version: int
    roles: Sequence[str]
    settings: Settings

    @property
    def database(self) -> str:
        """A name that changes with everything the shadow is made from."""
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
    """The address of a shadow, which is dropped afterwards unless it was there or is to be kept.

    Args:
        wanted: what it has to be like.
        live: the database that is compared; its server may hold the shadow, unless the address
            leads to a transaction pooler.
        server: a database on another server on which shadows may be created.
        may_create: whether `live`'s role may create a database.
        keep: leave it for the next comparison.
        tell: is told, in a line, what takes its time.

    Raises:
        ShadowError: there is no way to get one.
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
    # The shadow's role, schema and address are its own; the programs are the setting's.
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
    # Made under a name of its own: nobody finds a shadow that is half done.
    name = f"{PREFIX}{uuid.uuid4().hex}"
    url = server.set(database=name)
    tell(f"making a shadow database of revision {wanted.revision}")
    # A signal may come at any moment, so also the creation is within.
    try:
        with _administering(server) as connection:
            if make_roles:
                _make_roles(connection, wanted.roles)
            connection.exec_driver_sql(
                SQL("create database {} template template0").format(Identifier(name)).as_string()
            )
        _check_name(url)
        # Whoever makes it owns it; the owner's name is not compared.
        upgrade(url, wanted.revision, wanted.settings.model_copy(update={"owner_role": None}))
        if keep:
            name = _renamed(server, name, wanted.database)
            yield server.set(database=wanted.database)
        else:
            yield url
    except BaseException as error:
        # A connection that a signal interrupted while it logged in hangs on the exception's frames,
        # and DROP DATABASE waits for it until the server gives it up after a minute.
        traceback.clear_frames(error.__traceback__)
        raise
    finally:
        if name != wanted.database:
            with _administering(server) as connection:
                connection.exec_driver_sql(
                    SQL("drop database if exists {} with (force)")
                    .format(Identifier(name))
                    .as_string()
                )


def _renamed(server: URL, name: str, final: str) -> str:
    """The name that the shadow has now: its old one where another process was faster."""
    with _administering(server) as connection, suppress(DBAPIError):
        connection.exec_driver_sql(
            SQL("alter database {} rename to {}")
            .format(Identifier(name), Identifier(final))
            .as_string()
        )
        return final
    return name


def _make_roles(connection: Connection, roles: Sequence[str]) -> None:
    """The live server's roles, without a login: migrations grant to them."""
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
    """Whether a shadow was kept, by somebody who could change the live database as well: its name
    is no secret, and another one might have put there what was done to the live one.

    Raises:
        ShadowError: somebody else's database has its name.
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
    """An address may lead elsewhere than it says, and what follows must not touch another."""
    with _administering(url) as connection:
        reached = connection.execute(text("select current_database()")).scalar_one()
    if reached != url.database:
        raise ShadowError(f"the address of {url.database} leads to the database {reached}")


@contextmanager
def _administering(url: URL) -> Iterator[Connection]:
    engine: Engine = create_engine(url, poolclass=pool.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
