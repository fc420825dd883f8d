"""What is expected of the project's roles and settings, which no migration makes.

The role that applications use has no power but to execute functions, and neither it nor the owner
gets more by being a member of another role. Settings given to the database or to one of the roles
change how functions run (`search_path`, `default_transaction_isolation`, …), so none is expected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from campaigndb.operations.drift.snapshot import FOLDER, CatalogObject, fetch, quoted

POWERS = {
    "superuser": "superuser",
    "creates_roles": "createrole",
    "creates_databases": "createdb",
    "replicates": "replication",
    "bypasses_row_security": "bypassrls",
}
# A pipeline's owner may make the shadow database itself, or the schema.
POWERS_OF_AN_OWNER = ("creates_databases", "creates_schemas")


@dataclass(frozen=True)
class Surroundings:
    """Roles and settings as they should be, and as they are."""

    expected: Mapping[str, CatalogObject]
    found: Mapping[str, CatalogObject]


def read_surroundings(
    connection: Connection, app_role: str | None, owner_role: str | None
) -> Surroundings:
    """Reads the roles that the settings name, and what is set for them and for the database."""
    roles = [role for role in (app_role, owner_role) if role is not None]
    found = [*_roles(connection, roles, owner_role), *_settings(connection, roles)]
    expected = [_expected(role, owner_role) for role in roles]
    return Surroundings({item.key: item for item in expected}, {item.key: item for item in found})


def _expected(role: str, owner_role: str | None) -> CatalogObject:
    properties: dict[str, Any] = {name.replace("_", " "): False for name in POWERS}
    properties |= {
        "creates schemas": False,
        "connection limit": None,
        "valid until": None,
        "parameters": [],
        "member of": [],
    }
    if role == owner_role:
        # It may be one that nobody logs in as and that whoever migrates is a member of, or not.
        for name in POWERS_OF_AN_OWNER:
            del properties[name.replace("_", " ")]
    else:
        properties |= {"logs in": True, "members": []}
    return CatalogObject(
        "role",
        quoted(role),
        properties,
        reference=f"role {quoted(role)}",
        creation=f"create role {quoted(role)}" + (" login" if role != owner_role else ""),
    )


def _roles(
    connection: Connection, roles: Sequence[str], owner_role: str | None
) -> Iterator[CatalogObject]:
    for row in _rows(connection, "roles.sql", roles):
        if row.pop("exists"):
            role = row.pop("role")
            known = _expected(role, owner_role)
            values = {name.replace("_", " "): value for name, value in row.items()}
            yield CatalogObject(
                "role",
                known.name,
                {name: values[name] for name in known.properties},
                reference=known.reference,
            )


def _settings(connection: Connection, roles: Sequence[str]) -> Iterator[CatalogObject]:
    for row in _rows(connection, "settings.sql", roles):
        database = f"database {row['database']}" if row["is_of_the_database"] else None
        if row["role"] is not None:
            whom = f"role {row['role']}" + (f" in {database}" if database else "")
        else:
            whom = database or "role all"
        value = "a value not shown" if row["value"] is None else row["value"]
        yield CatalogObject(
            "setting",
            f"{row['name']} of {whom}",
            {"value": value},
            reference=f"alter {whom} reset {row['name']}",
        )


def _rows(connection: Connection, file: str, roles: Sequence[str]) -> list[dict[str, Any]]:
    query = (FOLDER / file).read_text(encoding="utf-8")
    return fetch(connection, query, {"roles": list(roles)})
