"""The revision is kept in a table of the project's own, beside another Alembic's in one schema."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Column, Integer, MetaData, NullPool, Table, create_engine
from sqlalchemy.engine import URL

from campaigndb.migrations.commands import downgrade, offline_script, upgrade
from campaigndb.operations.drift import find_drift
from campaigndb.operations.tenants.registry import list_tenants, owner_connection
from campaigndb.settings import Settings
from tests.migrations.catalog import connect, names, snapshot
from tests.migrations.programs import Alembic, psql
from tests.migrations.project import LATEST

SETTINGS = Settings(_env_file=None)
# A service's Alembic, as its template makes it.
ENV = """\
from alembic import context
from sqlalchemy import create_engine
config = context.config
with create_engine(config.get_main_option("sqlalchemy.url")).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
REVISION = """\
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0010", None
def upgrade(): op.create_table("orders", sa.Column("id", sa.Integer, primary_key=True))
def downgrade(): op.drop_table("orders")
"""


@pytest.fixture
def service(tmp_path: Path, empty_database: URL) -> Config:
    """Another project's migrations of the same schema, whose number is one of ours."""
    folder = tmp_path / "service"
    (folder / "versions").mkdir(parents=True)
    (folder / "env.py").write_text(ENV)
    (folder / "versions" / "0010_orders.py").write_text(REVISION)
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option(
        "sqlalchemy.url", empty_database.render_as_string(hide_password=False).replace("%", "%%")
    )
    return config


def give_its_former_name(database: URL, schema: str = "public") -> None:
    """As a release before had it: migrated by Alembic's usual table."""
    with connect(database) as connection:
        connection.execute(f"set search_path to {schema}")
        connection.execute("alter table gmaps_alembic_version rename to alembic_version")
        connection.execute("alter index gmaps_alembic_version_pkc rename to alembic_version_pkc")


def revision_in(database: URL, table: str) -> str:
    with connect(database) as connection:
        ((found,),) = connection.execute(f"select version_num from {table}").fetchall()
    return str(found)


def test_a_service_migrates_first(service: Config, empty_database: URL) -> None:
    command.upgrade(service, "head")
    upgrade(empty_database, settings=SETTINGS)
    upgrade(empty_database, settings=SETTINGS)
    both_stand_and_go_back(service, empty_database)


def test_a_service_migrates_afterwards(service: Config, empty_database: URL) -> None:
    upgrade(empty_database, settings=SETTINGS)
    command.upgrade(service, "head")
    upgrade(empty_database, settings=SETTINGS)
    both_stand_and_go_back(service, empty_database)


def both_stand_and_go_back(service: Config, database: URL) -> None:
    assert revision_in(database, "alembic_version") == "0010"
    assert revision_in(database, "gmaps_alembic_version") == LATEST
    downgrade(database, "base", settings=SETTINGS)
    assert {"orders", "alembic_version"} < names(database)
    assert "gmaps_campaigns" not in names(database)
    upgrade(database, settings=SETTINGS)
    command.downgrade(service, "base")
    assert "orders" not in names(database)
    assert revision_in(database, "gmaps_alembic_version") == LATEST


@pytest.mark.parametrize("target", ["0008", "head"])
def test_the_table_of_an_earlier_release_is_taken_over(
    alembic: Alembic, database_url: URL, target: str
) -> None:
    expected = snapshot(database_url)
    downgrade(database_url, "0008", settings=SETTINGS)
    before = snapshot(database_url)
    give_its_former_name(database_url)
    current = alembic("current", url=database_url)
    assert current.stdout.strip().startswith("0008"), current.stderr
    upgrade(database_url, target, settings=SETTINGS)
    taken = snapshot(database_url)
    if target == "0008":
        assert taken == before
    else:
        assert taken["relations"] == expected["relations"]
    assert "alembic_version" not in names(database_url)


def test_a_downgrade_takes_it_over_too(database_url: URL) -> None:
    give_its_former_name(database_url)
    downgrade(database_url, "0009", settings=SETTINGS)
    assert revision_in(database_url, "gmaps_alembic_version") == "0009"


def test_a_script_takes_it_over(database_url: URL) -> None:
    downgrade(database_url, "0009", settings=SETTINGS)
    give_its_former_name(database_url)
    applied = psql(database_url, offline_script("upgrade", "0009:0010", SETTINGS))
    assert applied.returncode == 0, applied.stderr
    assert revision_in(database_url, "gmaps_alembic_version") == "0010"


@pytest.mark.parametrize("number", ["abc123def456", "9999"])
def test_a_table_with_a_number_that_is_not_ours_is_left_alone(
    database_url: URL, number: str
) -> None:
    with connect(database_url) as connection:
        connection.execute("create table alembic_version (version_num text)")
        connection.execute("insert into alembic_version values (%s)", [number])
    downgrade(database_url, "0009", settings=SETTINGS)
    upgrade(database_url, settings=SETTINGS)
    assert revision_in(database_url, "alembic_version") == number


def test_drift_and_the_list_of_tenants_read_the_former_name(database_url: URL) -> None:
    upgrade(database_url, settings=Settings(_env_file=None, schema_name="acme"), tenant="acme")
    for schema in ("public", "acme"):
        give_its_former_name(database_url, schema)
    with owner_connection(database_url, SETTINGS) as connection:
        (tenant,) = list_tenants(connection, SETTINGS)
    assert (tenant.name, tenant.revision, tenant.problem) == ("acme", LATEST, None)
    report = find_drift(database_url, SETTINGS)
    assert report.revision == LATEST
    assert "revision" not in {difference.kind for difference in report.differences}


def test_the_documents_filter_keeps_a_services_autogenerate_from_our_tables(
    database_url: URL,
) -> None:
    text = (Path(__file__).parents[2] / "docs" / "deploying.md").read_text(encoding="utf-8")
    _, _, rest = text.partition("def include_name(")
    code = "def include_name(" + rest.partition("\n\n\n")[0]
    scope: dict[str, object] = {}
    exec(code, scope)
    own = MetaData()
    Table("orders", own, Column("id", Integer, primary_key=True))
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.connect() as connection:
        options = {"include_name": scope["include_name"], "include_schemas": False}
        (difference,) = compare_metadata(MigrationContext.configure(connection, opts=options), own)
    assert difference[0] == "add_table"
