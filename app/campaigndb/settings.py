"""The settings: the database, its schema and roles, and time limits.

Values come from the environment, or from the nearest `.env` file up to the project's root. Alembic,
the command line and the tests read the same ones. The embedded server keeps its data in the
project's root.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

# PostgreSQL silently truncates longer identifiers (NAMEDATALEN - 1 bytes).
MAX_IDENTIFIER_BYTES = 63


def check_identifier(value: str) -> str:
    """Checks a name that PostgreSQL keeps unchanged. It may have any characters."""
    if not value or "\x00" in value:
        raise ValueError("a name must not be empty or hold a NUL character")
    if len(value.encode()) > MAX_IDENTIFIER_BYTES:
        raise ValueError(f"a name is at most {MAX_IDENTIFIER_BYTES} bytes long")
    return value


def check_schema_name(value: str) -> str:
    """Checks the name of a schema, or of a tenant's schema."""
    if re.match(r"pg_|information_schema$", value):
        raise ValueError("the schema's name is reserved by PostgreSQL")
    if not re.fullmatch(r"[^\W\d][\w$-]*", value):
        raise ValueError("a schema's name is made of letters, digits, '_', '-' and '$'")
    return check_identifier(value)


# Files and folders that mark a project's root.
_MARKS = (".campaigndb", "pyproject.toml", ".git")


def project_folder() -> Path:
    """The nearest parent folder that looks like a project's root, else the working folder.

    A parent folder to which others may write is skipped. They could place a mark there with their
    own `.env` or server.
    """
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if any((folder / mark).exists() for mark in _MARKS):
            if folder == here or _is_trusted(folder / ".campaigndb"):
                return folder
            _is_trusted(folder / ".env")  # warns that it is ignored
    return here


def env_file() -> Path | None:
    """The nearest `.env` from the working folder up to the project's root; None if there is none.

    Commands in a subfolder and in the root read the same file, and so use the same database.
    """
    here, root = Path.cwd().resolve(), project_folder()
    for folder in (here, *here.parents):
        file = folder / ".env"
        if (file.is_file() or file.is_fifo()) and (folder == here or _is_trusted(file)):
            return file
        if folder == root:
            break
    return None


def _is_trusted(path: Path) -> bool:
    """Whether only this user and root can have created or changed `path`."""
    problem = _doubt(path.parent) or _doubt(path)
    if problem is not None and path.exists():
        _tell_left_out(path, problem)
    return problem is None


@lru_cache(maxsize=64)  # once, however often settings are read
def _tell_left_out(path: Path, problem: str) -> None:
    import logging

    logging.getLogger("campaigndb.settings").warning("%s is left out: %s", path, problem)


def _doubt(path: Path) -> str | None:
    """Why somebody else could have changed it; None if nobody else could."""
    if os.name != "posix":
        return None
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"{path} cannot be looked at ({error.strerror})"
    if found.st_uid not in (0, os.geteuid()):
        return f"{path} belongs to another user (number {found.st_uid})"
    if found.st_mode & stat.S_IWOTH or (
        found.st_mode & stat.S_IWGRP and not _is_own_group(found.st_gid)
    ):
        return f"others may write to {path}"
    return None


def _is_own_group(number: int) -> bool:
    """Whether it is root's group, or a private group of this user."""
    import grp
    import pwd

    try:
        user = pwd.getpwuid(os.geteuid())
        group = grp.getgrgid(number)
    except KeyError:
        return False
    is_users = number == user.pw_gid and group.gr_name == user.pw_name
    return (is_users or number == 0) and not set(group.gr_mem) - {user.pw_name, "root"}


ADDRESS = "DATABASE_URL"
# Placeholder for the nearest `.env`. It is not a regular file, so it is never read itself.
_NEAREST = Path(os.devnull)
_FOLDERS = ("CAMPAIGNDB_PG_BIN", "CAMPAIGNDB_DATA_DIR")


class SettingsError(ValueError):
    """Invalid settings, in one line with the variables' names but not their values."""


def _variables(file: Path | None) -> dict[str, str]:
    """The variables of the environment and the file, with names in capitals.

    The environment takes precedence. An empty variable counts as unset, except for the address. In
    a pipeline an empty address means a missing secret. Otherwise the embedded server would be
    migrated instead of production, and the pipeline would succeed.
    """
    return {
        name.upper(): value
        for source in ({} if file is None else _file_variables(file), os.environ)
        for name, value in source.items()
        if value or (value is not None and name.upper() == ADDRESS)
    }


def _file_variables(file: Path) -> Mapping[str, str | None]:
    """The variables of a `.env`. Its folders are relative to the file."""
    from dotenv import dotenv_values  # only if there is a file, so that commands start faster

    try:
        values = dotenv_values(file, encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file}: not UTF-8 (byte {error.start + 1})") from None
    folders = {
        name: str(file.resolve().parent / Path(value).expanduser())
        for name, value in values.items()
        if name.upper() in _FOLDERS and value
    }
    return {**values, **folders}


def _setting(
    read: Callable[[Any], Any], default: Any = None, variable: str | None = None, **options: Any
) -> Any:
    """A field with the reader of its variable, its default and the variable's name."""
    return field(metadata={"read": read, "default": default, "variable": variable}, **options)


def variable_names(settings: type[SchemaSettings]) -> dict[str, str]:
    """The environment variable of each setting."""
    return {
        setting.name: setting.metadata["variable"] or f"CAMPAIGNDB_{setting.name.upper()}"
        for setting in fields(settings)
    }


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("not a valid number")
    return number


def _whole_number(value: Any) -> int:
    try:
        number = _number(value)
    except ValueError:
        number = math.nan
    if not number.is_integer():
        raise ValueError("not a whole number")
    return int(number)


def _at_least_one(value: Any) -> int:
    if _whole_number(value) < 1:
        raise ValueError("less than 1")
    return _whole_number(value)


def _days(value: Any) -> int:
    if _whole_number(value) < 0:
        raise ValueError("less than 0")
    return _whole_number(value)


def _seconds(value: Any) -> float:
    if _number(value) < 0:
        raise ValueError("less than 0")
    return _number(value)


def _yes_or_no(value: Any) -> bool:
    word = str(value).lower()
    if word not in ("1", "on", "t", "true", "y", "yes", "0", "off", "f", "false", "n", "no"):
        raise ValueError("neither true nor false")
    return word in ("1", "on", "t", "true", "y", "yes")


def _percentages(value: Any) -> dict[str, int]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError("the value is not JSON") from None
    if not isinstance(value, Mapping):
        raise ValueError("not a JSON object")
    if any(isinstance(percentage, bool) for percentage in value.values()):
        # `true` would become 1 percent, although it probably means 100.
        raise ValueError("a percentage is a whole number, not true or false")
    return {name: _whole_number(percentage) for name, percentage in value.items()}


def _tenant_prefix(value: str) -> str:
    return value and check_schema_name(value)


def _tenant_app_role(value: str) -> str:
    if value.count("{tenant}") != 1:
        # One role for all tenants is CAMPAIGNDB_APP_ROLE.
        raise ValueError("{tenant} has to be in it once, as in {tenant}_app")
    return check_identifier(value)


def _address(value: str) -> str:
    # A secret from a file often ends with a line feed.
    address = value.strip()
    if not address:
        raise ValueError(
            "it is set, but empty: is a secret missing? Unset, it means the embedded server"
        )
    check_address(address)
    return address


@dataclass(frozen=True, init=False)
class SchemaSettings:
    """The settings that a store reads: where the functions are."""

    # The schema that holds the tables and functions.
    schema_name: str = _setting(check_schema_name, "public", "CAMPAIGNDB_SCHEMA")
    # Prefix of the names of tenants' schemas.
    tenant_prefix: str = _setting(_tenant_prefix, "")

    def __init__(self, _env_file: Path | None = _NEAREST, **values: Any) -> None:
        """The given values, else the environment's, else the file's; by default the nearest `.env`.

        Raises:
            SettingsError: values are invalid.
        """
        variables = variable_names(type(self))
        if unknown := values.keys() - variables.keys():
            raise TypeError(f"there is no setting {', '.join(sorted(unknown))}")
        if values.keys() != variables.keys():
            found = _variables(env_file() if _env_file is _NEAREST else _env_file)
            read = {name: found[key] for name, key in variables.items() if key in found}
            values = read | values
        problems = []
        for setting in fields(self):
            value = values.get(setting.name)
            if value is None:
                value = setting.metadata["default"]
            try:
                value = None if value is None else setting.metadata["read"](value)
            except ValueError as error:
                problems.append(f"{variables[setting.name]}: {error}")
            object.__setattr__(self, setting.name, value)
        if problems:
            raise SettingsError("; ".join(problems))


def tenant_schema(name: str, settings: SchemaSettings | None = None) -> str:
    """The name of a tenant's schema, not quoted: the setting's prefix and the tenant's name.

    The case is kept and no character is replaced, so that two names never share a schema.

    Raises:
        ValueError: it is not a valid schema name, or the schema is not a tenant's.
    """
    settings = settings or SchemaSettings()
    # A name may contain characters that must not reach a terminal or a log.
    shown = ascii(name[:80])
    if not name:
        raise ValueError("a tenant's name is empty")
    try:
        schema = check_schema_name(settings.tenant_prefix + name)
    except ValueError as error:
        raise ValueError(f"{shown} is no tenant's name: {error}") from None
    if schema == settings.schema_name:
        raise ValueError(
            f"{shown} is no tenant's name: its schema would be CAMPAIGNDB_SCHEMA, which is nobody's"
        )
    return schema


@dataclass(frozen=True, init=False)
class Settings(SchemaSettings):
    """The project's settings. Times are in seconds (0 = no limit)."""

    # The database; unset: the embedded server, started on demand.
    database_url: str | None = _setting(_address, variable=ADDRESS, repr=False)  # a password
    # The role that owns what migrations create; unset: the role that connects.
    owner_role: str | None = _setting(check_identifier)
    # The role that may only execute the functions; unset: no role.
    app_role: str | None = _setting(check_identifier)
    # A tenant's own application role; {tenant} stands for the tenant's name.
    tenant_app_role: str | None = _setting(_tenant_app_role)
    # Number of tenants that are migrated at once.
    tenant_jobs: int = _setting(_at_least_one, 4)
    # Longest wait of a migration for a lock.
    migration_lock_timeout: float = _setting(_seconds, 5.0)
    # Maximum number of attempts of a command whose revision waits too long for a lock.
    migration_attempts: int = _setting(_at_least_one, 5)
    # Longest wait of a deploy for another one.
    migration_deploy_timeout: float = _setting(_seconds, 300.0)
    # Longest duration of one migration statement.
    migration_statement_timeout: float = _setting(_seconds, 0.0)
    # Percentages of campaigns served by functions: {"all": 25, "track_campaign_cost": 50}.
    rollout: dict[str, int] = _setting(_percentages, {}, hash=False)
    # Whether queues are read from both sides. The fallback's rows are returned, differences logged.
    rollout_compare_reads: bool = _setting(_yes_or_no, False)
    # Age in days after which `cleanup` drops the raw data of completed campaigns; unset: never.
    raw_data_days: int | None = _setting(_days)
    # Folder of the server programs to use instead of the embedded ones.
    pg_bin: Path | None = _setting(Path)
    # Folder of the embedded server's data.
    data_dir: Path | None = _setting(Path)
    # The unprivileged user that the embedded server runs as when root starts it.
    server_user: str = _setting(str, "nobody")


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()


# The usual form of an address, checked without SQLAlchemy, whose import takes long.
_USUAL_ADDRESS = re.compile(
    r"postgres(ql)?(\+psycopg)?://(\w+(:[\w.~-]*)?@)?[a-zA-Z0-9.-]+(:\d+)?/\w+(\?sslmode=[\w-]+)?"
)


def check_address(address: str) -> None:
    """Raises ValueError for an invalid address, which the message does not repeat."""
    if _USUAL_ADDRESS.fullmatch(address):
        return
    backend = _parsed(address).get_backend_name()
    if backend not in ("postgresql", "postgres"):
        raise ValueError(f"the database must be postgresql, not {backend}")


def sqlalchemy_url(url: str | URL) -> URL:
    """Converts an address in any form of libpq's to a URL for SQLAlchemy with psycopg 3.

    A database in the query (`?dbname=`) becomes the URL's database. Otherwise replacing the
    database in the URL would have no effect.
    """
    made = (_parsed(url) if isinstance(url, str) else url).set(drivername="postgresql+psycopg")
    named = made.query.get("dbname")
    if named is not None:
        made = made.difference_update_query(["dbname"])
        made = made.set(database=named if isinstance(named, str) else named[-1])
    return made


def _parsed(address: str) -> URL:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        made = make_url(address)
    except (ArgumentError, ValueError):
        return _parsed_by_libpq(address)
    # SQLAlchemy leaves a socket folder encoded, and reads several hosts as one.
    return _parsed_by_libpq(address) if re.search("[%,]", made.host or "") else made


def _parsed_by_libpq(address: str) -> URL:
    """Reads several hosts, a socket folder as host, or keywords and values (`service=main`)."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict
    from sqlalchemy.engine import URL

    try:
        found = conninfo_to_dict(re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", address))
    except ProgrammingError:
        found = {}
    values = {name: str(value) for name, value in found.items()}
    if not values or not re.fullmatch("[0-9,]*", values.get("port", "")):
        raise ValueError("not a database URL (postgresql://user@host/name)") from None
    return URL.create(
        "postgresql",
        username=values.pop("user", None),
        password=values.pop("password", None),
        database=values.pop("dbname", None),
        query=values,
    )
