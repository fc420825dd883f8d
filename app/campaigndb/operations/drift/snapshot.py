"""What the catalogs say of one schema: every object, in a form that two databases can share.

One query reads all of it, from catalogs that every role may read; nothing is locked that a worker
could wait for. Names stand where the catalogs have numbers. Objects of other schemas and members
of extensions are left out; `objects/<kind>.sql` says what is read of each kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql.base import PGDialect

FOLDER = Path(__file__).parent
# With this style of parameters a percent sign stays one.
_QUOTE = PGDialect(paramstyle="named").identifier_preparer.quote  # type: ignore[no-untyped-call]
# Of the platform that the database runs on: its event triggers are not the project's.
PLATFORM_SCHEMAS = (
    "auth",
    "cron",
    "extensions",
    "graphql",
    "graphql_public",
    "net",
    "pgbouncer",
    "pgsodium",
    "realtime",
    "storage",
    "supabase_functions",
    "supabase_migrations",
    "vault",
)
# Supabase grants its administrators' role every table; the schema's privileges leave that be.
PLATFORM_GRANTEE = "service_role"
# Stands for the role that owns the schema's objects, which has another name in each database.
OWNER = "the owner"
PUBLIC = "PUBLIC"


@dataclass(frozen=True)
class CatalogObject:
    """One object, and what can differ about it.

    Attributes:
        kind: `table`, `column`, `function`, `grant`, …
        name: unique within its kind, quoted as SQL needs it.
        properties: name to value; a value is text, a number, a bool, a list or None.
        parent: the key of the object without which this one cannot be.
        reference: how a statement names it: `table public.gmaps_campaigns`; of a grant what REVOKE
            takes, empty where the owner did not grant it and so cannot revoke it.
        creation: the statement that makes it, where there is one.
    """

    kind: str
    name: str
    properties: Mapping[str, Any]
    parent: str | None = None
    reference: str = ""
    creation: str | None = None

    @property
    def key(self) -> str:
        """The object's kind and name."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Snapshot:
    """All objects by their keys, and who owns them."""

    objects: Mapping[str, CatalogObject]
    owner: str | None


def read_snapshot(
    connection: Connection, schema: str, database: str, owner: str | None = None
) -> Snapshot:
    """Reads a schema; empty where it does not exist.

    `database` is the name under which the database is compared; a shadow has another one.
    `owner` is the role that should own the objects; default: the one that owns most of them.
    The connection's search path should be the schema: definitions then hold no schema's name.
    """
    parameters = {
        "schema": schema,
        "database": database,
        "platform_schemas": list(PLATFORM_SCHEMAS),
    }
    rows = fetch(connection, _query(), parameters)
    owner = owner or _most_common_owner(rows)
    objects = [found for row in rows for found in _objects_of(row, owner)]
    return Snapshot({found.key: found for found in objects}, owner)


def fetch(connection: Connection, query: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """A query's rows by the names of their columns. Not through SQLAlchemy: the queries are full of
    colons and percent signs of their own."""
    cursor = connection.connection.cursor()
    cursor.execute(query.encode(), parameters)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@cache
def _query() -> str:
    parts = [
        path.read_text(encoding="utf-8").replace("%", "%%")
        for path in sorted((FOLDER / "objects").glob("*.sql"))
    ]
    template = (FOLDER / "snapshot.sql").read_text(encoding="utf-8")
    return template.replace("{objects}", "\nunion all\n".join(f"(\n{part})" for part in parts))


def _most_common_owner(rows: list[dict[str, Any]]) -> str | None:
    owners = Counter(
        row["owner"] for row in rows if row["owner"] is not None and row["kind"] != "schema"
    )
    return owners.most_common(1)[0][0] if owners else None


def _objects_of(row: Mapping[str, Any], owner: str | None) -> Iterator[CatalogObject]:
    def shown(role: str | None) -> str | None:
        return OWNER if role is not None and role == owner else role

    properties = dict(row["properties"])
    properties["comment"] = row["comment"]
    if row["owner"] is not None:
        properties["owner"] = shown(row["owner"])
    found = CatalogObject(
        row["kind"],
        row["name"],
        properties,
        row["parent"],
        row["reference"],
        row["creation"],
    )
    yield found
    its_owner = row["owner"] or owner
    for privilege, grantee, grantable, grantor in row["grants"]:
        is_platforms = grantee == PLATFORM_GRANTEE and row["kind"] in ("table", "sequence")
        if is_platforms and not grantable:
            continue
        to = PUBLIC if grantee is None else OWNER if grantee == its_owner else quoted(grantee)
        grant = _grant(found, privilege, grantee, to, grantable)
        yield grant if grantor == its_owner else replace(grant, reference="")


def _grant(
    on: CatalogObject, privilege: str, grantee: str | None, shown: str, grantable: bool
) -> CatalogObject:
    what, target = privilege, on.reference
    if on.kind == "column":
        _, _, column = on.name.rpartition(".")
        table = on.reference.removeprefix("column ").rpartition(".")[0]
        what, target = f"{privilege} ({column})", f"table {table}"
    elif on.kind in ("view", "materialized view", "foreign table"):
        target = "table " + on.reference.rpartition(" ")[2]
    to = quoted(grantee) if grantee is not None else "public"
    return CatalogObject(
        kind="grant",
        name=f"{privilege} on {on.key} to {shown}",
        properties={"with grant option": grantable},
        parent=on.key,
        reference=f"{what} on {target} from {to}",
        # The owner has another name in each database.
        creation=None if shown == OWNER else f"grant {what} on {target} to {to}",
    )


def quoted(name: str) -> str:
    """An identifier as SQL needs it."""
    return str(_QUOTE(name))
