"""Where the database is, which schema and roles are used, and how long to wait.

Every value comes from the environment, or from the nearest `.env` file up to the project's root;
Alembic, the command line and the tests read the same ones.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from app.project_folder import env_file

# PostgreSQL cuts longer identifiers off silently (NAMEDATALEN - 1 bytes).
MAX_IDENTIFIER_BYTES = 63


def check_identifier(value: str) -> str:
    """A name PostgreSQL keeps as it is: any characters, quoted wherever it is used."""
    if not value or "\x00" in value:
        raise ValueError("a name must not be empty or hold a NUL character")
    if len(value.encode()) > MAX_IDENTIFIER_BYTES:
        raise ValueError(f"a name is at most {MAX_IDENTIFIER_BYTES} bytes long")
    return value


DatabaseName = Annotated[str, AfterValidator(check_identifier)]


def refuse_boolean(value: object) -> object:
    """`true` would be 1, and whoever writes it means all."""
    if isinstance(value, bool):
        raise ValueError("a percentage is a whole number, not true or false")
    return value


Percentage = Annotated[int, BeforeValidator(refuse_boolean)]


def check_schema_name(value: str) -> str:
    if re.match(r"pg_|information_schema$", value):
        raise ValueError("the schema's name is reserved by PostgreSQL")
    if not re.fullmatch(r"[^\W\d][\w$-]*", value):
        raise ValueError("a schema's name is made of letters, digits, '_', '-' and '$'")
    return check_identifier(value)


ADDRESS = "DATABASE_URL"
# Stands for the `.env` that is looked for; itself it is never read, as it is no regular file.
_NEAREST = Path(os.devnull)
_FOLDERS = ("CAMPAIGNDB_PG_BIN", "CAMPAIGNDB_DATA_DIR")


class _Environment(EnvSettingsSource):
    """The environment. Empty is unset, but for the database's address.

    In a pipeline an empty address is a secret that is not there: the embedded server in its place
    would be migrated and found well, and production left as it is.
    """

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {**super()._load_env_vars(), **_empty_address(os.environ)}


class _EnvFile(DotEnvSettingsSource):
    """The nearest `.env`; empty values are as in the environment, folders relative to the file."""

    def _read_env_file(self, file_path: Path) -> Mapping[str, str | None]:
        try:
            values = super()._read_env_file(file_path)
            everything = self._static_read_env_file(file_path, case_sensitive=True)
        except UnicodeDecodeError as error:
            raise SettingsError(f"{file_path}: not UTF-8 (byte {error.start + 1})") from None
        folders = {
            name.lower(): str(file_path.resolve().parent / Path(value).expanduser())
            for name, value in everything.items()
            if name.upper() in _FOLDERS and value
        }
        return {**values, **folders, **_empty_address(everything)}


def _empty_address(variables: Mapping[str, str | None]) -> dict[str, str | None]:
    return {
        name.lower(): value
        for name, value in variables.items()
        if name.upper() == ADDRESS and value == ""
    }


class Settings(BaseSettings):
    """The project's settings. Times are in seconds."""

    model_config = SettingsConfigDict(
        env_prefix="CAMPAIGNDB_",
        env_file=_NEAREST,
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
        frozen=True,
        hide_input_in_errors=True,  # an input may hold a password
    )

    database_url: SecretStr | None = Field(
        default=None,
        validation_alias=ADDRESS,
        description="The database; unset: the embedded server, started on demand.",
    )
    schema_name: Annotated[str, AfterValidator(check_schema_name)] = Field(
        default="public",
        validation_alias="CAMPAIGNDB_SCHEMA",
        description="The schema that holds the tables and functions.",
    )
    owner_role: DatabaseName | None = Field(
        default=None,
        description="The role that owns what migrations create; unset: the one that connects.",
    )
    app_role: DatabaseName | None = Field(
        default=None,
        description="The role that may execute the functions and nothing else; unset: no grant.",
    )
    tenant_prefix: str = Field(
        default="",
        description="What comes before a tenant's name in the name of its schema.",
    )
    tenant_app_role: str | None = Field(
        default=None,
        description="A tenant's own application role, with {tenant} in it for the tenant's name.",
    )
    tenant_jobs: int = Field(default=4, ge=1, description="How many tenants are migrated at once.")
    migration_lock_timeout: float = Field(
        default=5.0, ge=0, description="Longest wait of a migration for a lock; 0: no limit."
    )
    migration_attempts: int = Field(
        default=5,
        ge=1,
        description="How often a revision that waited too long for a lock is tried.",
    )
    migration_deploy_timeout: float = Field(
        default=300.0, ge=0, description="Longest wait of a deploy for another one; 0: no limit."
    )
    migration_statement_timeout: float = Field(
        default=0.0, ge=0, description="Longest run of one migration statement; 0: no limit."
    )
    rollout: dict[str, Percentage] = Field(
        default_factory=dict,
        description="Percentages of campaigns that functions serve, as JSON: "
        '{"all": 25, "track_campaign_cost": 50}.',
    )
    rollout_compare_reads: bool = Field(
        default=False,
        description="Read queues both ways, answer with the old way's, log differences.",
    )
    pg_bin: Path | None = Field(
        default=None,
        description="Folder of the server programs to use instead of the embedded PostgreSQL.",
    )
    data_dir: Path | None = Field(
        default=None, description="Where the embedded server keeps its data."
    )
    server_user: str = Field(
        default="nobody",
        description="The unprivileged user the embedded server runs as when started by root.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file: Any = getattr(dotenv_settings, "env_file", None)
        return (
            init_settings,
            _Environment(settings_cls),
            _EnvFile(settings_cls, env_file() if file is _NEAREST else file),
        )

    @field_validator("tenant_prefix")
    @classmethod
    def _check_tenant_prefix(cls, value: str) -> str:
        if value:
            check_schema_name(value)
        return value

    @field_validator("tenant_app_role")
    @classmethod
    def _check_tenant_app_role(cls, value: str | None) -> str | None:
        if value is not None and value.count("{tenant}") != 1:
            # One role for all would see every tenant: that is CAMPAIGNDB_APP_ROLE, said plainly.
            raise ValueError("{tenant} has to be in it once, as in {tenant}_app")
        return None if value is None else check_identifier(value)

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            if not value.get_secret_value().strip():
                raise ValueError(
                    "it is set, but empty: is a secret missing? Unset, it means the embedded server"
                )
            # The URL may hold a password: the error must not repeat it.
            try:
                backend = make_url(value.get_secret_value()).get_backend_name()
            except (ArgumentError, ValueError):
                raise ValueError("not a database URL (postgresql://user@host/name)") from None
            if backend not in ("postgresql", "postgres"):
                raise ValueError(f"the database must be postgresql, not {backend}")
        return value


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()


def sqlalchemy_url(url: str | URL) -> URL:
    """`postgresql://…` or `postgres://…` as SQLAlchemy with psycopg 3 takes it.

    A database that the query names (`?dbname=`) becomes the address's own: who takes the address of
    another database on the server must not end up in this one.
    """
    made = make_url(url).set(drivername="postgresql+psycopg")
    named = made.query.get("dbname")
    if named is not None:
        made = made.difference_update_query(["dbname"])
        made = made.set(database=named if isinstance(named, str) else named[-1])
    return made
