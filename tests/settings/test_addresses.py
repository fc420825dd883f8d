"""DATABASE_URL in every form that libpq takes."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import NullPool, create_engine
from sqlalchemy.engine import URL

from campaigndb.database import without_password
from campaigndb.settings import Settings, SettingsError, sqlalchemy_url


def settings(address: str) -> Settings:
    return Settings(_env_file=None, database_url=address)


def taken(address: str) -> URL:
    url = settings(address).database_url
    assert url is not None
    return sqlalchemy_url(url)


def reached(url: URL) -> str:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return str(connection.exec_driver_sql("select current_database()").scalar_one())


def password(url: URL) -> str:
    return f"password={url.password} sslmode=disable"


@pytest.mark.parametrize("end", ["\n", "\r\n", " \n"])
def test_white_space_around_it_is_cut_off(database_url: URL, end: str) -> None:
    address = database_url.render_as_string(hide_password=False)
    assert taken(address + end) == sqlalchemy_url(address)
    assert reached(taken(f"postgresql://{address.partition('://')[2]}{end}"))


def test_several_hosts_are_tried_in_turn(database_url: URL) -> None:
    where = f"127.0.0.1:1,{database_url.host}:{database_url.port}"
    login = f"{database_url.username}:{database_url.password}"
    for address in (
        f"postgresql://{login}@{where}/{database_url.database}",
        f"postgresql+psycopg://{login}@{where}/{database_url.database}?connect_timeout=5",
    ):
        assert reached(taken(address)) == database_url.database


def test_keywords_and_values(database_url: URL) -> None:
    address = (
        f"host={database_url.host} port={database_url.port} dbname={database_url.database}"
        f" user={database_url.username} password={database_url.password}"
    )
    assert reached(taken(address)) == database_url.database


@pytest.mark.parametrize("form", ["postgresql:///?service=main", "service=main"])
def test_a_service(
    database_url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    file = tmp_path / "services"
    file.write_text(
        f"[main]\nhost={database_url.host}\nport={database_url.port}\n"
        f"dbname={database_url.database}\nuser={database_url.username}\n"
        f"password={database_url.password}\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", os.fspath(file))
    assert reached(taken(form)) == database_url.database
    assert reached(taken(form).set(database="postgres")) == "postgres"


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me@%2Fvar%2Frun%2Fdb:5433/main",
        "postgresql://me@/main?host=/var/run/db&port=5433",
    ],
)
def test_a_folder_of_sockets(address: str) -> None:
    arguments = create_engine(taken(address)).dialect.create_connect_args(taken(address))[1]
    assert (arguments["host"], str(arguments["port"])) == ("/var/run/db", "5433")
    assert (arguments["user"], arguments["dbname"]) == ("me", "main")


def test_what_is_shown_and_printed_leads_to_the_same_place() -> None:
    url = taken("postgresql://me:s3cret@h1:1,h2:2/main?target_session_attrs=any")
    assert without_password(url) == "postgresql://me@/main?host=h1%2Ch2&port=1%2C2"
    printed = url.set(drivername="postgresql").render_as_string(hide_password=False)
    assert psycopg.conninfo.conninfo_to_dict(printed) == {
        "user": "me",
        "password": "s3cret",
        "host": "h1,h2",
        "port": "1,2",
        "dbname": "main",
        "target_session_attrs": "any",
    }


@pytest.mark.parametrize(
    "address",
    ["garbage", "postgresql://h:port/x", "postgresql://me:s3cret@h:1,h:x/y", "s3cret=1", "="],
)
def test_what_is_no_address_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(SettingsError, match="not a database URL") as refused:
        settings(address)
    assert "s3cret" not in str(refused.value)
