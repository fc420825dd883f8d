"""It needs rights on the tables and on nothing else, and works in any schema."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL

from app import StoredFunctionError
from app.application_path import ApplicationPath
from app.database import on_connect
from app.migrations.commands import upgrade
from app.settings import Settings
from tests.vectors.vectors import differences, load_scenarios, through

SCHEMA = "Tenant-1"


@pytest.fixture
def service_role(owner_engine: Engine) -> Iterator[str]:
    """A role that reads and writes the tables and may execute no function of the schema."""
    name = f"campaigndb_test_{uuid.uuid4().hex[:8]}"
    with owner_engine.begin() as connection:
        connection.execute(text(f"create role {name} bypassrls"))
        connection.execute(text(f"grant usage on schema public to {name}"))
        rights = "select, insert, update on all tables in schema public"
        connection.execute(text(f"grant {rights} to {name}"))
    yield name
    with owner_engine.begin() as connection:
        connection.execute(text(f"drop owned by {name}"))
        connection.execute(text(f"drop role {name}"))


@pytest.fixture
def service_path(database_url: URL, service_role: str) -> Iterator[ApplicationPath]:
    engine = create_engine(database_url)
    on_connect(engine, search_path="pg_catalog", role=service_role)
    yield ApplicationPath(engine, schema="public")
    engine.dispose()


def every_scenario_is_as_written(path: ApplicationPath, subtests: pytest.Subtests) -> None:
    for scenario in load_scenarios():
        with subtests.test(scenario["name"]):
            assert differences(scenario, through(path)) == []


def test_rights_on_the_tables_are_enough(
    service_path: ApplicationPath, subtests: pytest.Subtests
) -> None:
    every_scenario_is_as_written(service_path, subtests)


def test_rows_that_the_role_does_not_see_are_an_error(
    service_path: ApplicationPath, service_role: str, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text(f"alter role {service_role} nobypassrls"))
    for call in (
        lambda: service_path.update_campaign_statistics(campaign_id),
        lambda: service_path.track_campaign_cost(campaign_id, "bouncer", 1, 1),
    ):
        with pytest.raises(StoredFunctionError) as caught:
            call()
        assert caught.value.error_code == "42501"


def test_the_application_role_may_not(app_engine: Engine, campaign_id: uuid.UUID) -> None:
    with pytest.raises(StoredFunctionError) as caught:
        ApplicationPath(app_engine, schema="public").update_campaign_statistics(campaign_id)
    assert caught.value.error_code == "42501"


def test_another_schema(
    database_url: URL,
    owner_engine: Engine,
    nothing_changes: Callable[[], AbstractContextManager[None]],
    subtests: pytest.Subtests,
) -> None:
    upgrade(database_url, settings=Settings(_env_file=None, schema_name=SCHEMA))
    with nothing_changes():  # in public
        every_scenario_is_as_written(ApplicationPath(owner_engine, schema=SCHEMA), subtests)
