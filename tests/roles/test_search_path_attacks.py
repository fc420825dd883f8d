"""No caller can make a function, which runs as its owner, use what the caller made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from sqlalchemy.engine import URL

from campaigndb.migrations.commands import upgrade
from campaigndb.settings import Settings
from campaigndb.tables import metadata
from tests.migrations.catalog import connect
from tests.roles.as_role import as_role

CALLS = """
    begin isolation level serializable;
    select public.create_campaign_with_coverage(
      '{"id": "11111111-1111-4111-8111-111111111111", "name": "mine"}', '["00100"]'
    );
    select public.insert_businesses_batch(
      '11111111-1111-4111-8111-111111111111', '00100',
      '[{"place_id": "p", "name": "P", "facebook_url": "https://facebook.com/polku",
        "email": " p@p.example "}]'
    );
    select public.track_campaign_cost(
      '11111111-1111-4111-8111-111111111111', 'facebook', 1, 1.5
    );
    select public.track_campaign_costs_batch(
      '[{"campaign_id": "11111111-1111-4111-8111-111111111111", "service": "facebook",
        "items_processed": 1, "cost_usd": 1.5, "metadata": {"idempotency_key": "k"}}]'
    );
    select public.update_coverage_status(
      '11111111-1111-4111-8111-111111111111', '00100', 1, 1, 0.5
    );
    select public.update_enrichment_batch(
      'facebook',
      (
        select jsonb_agg(jsonb_build_object('business_id', business_id, 'success', true))
        from public.get_businesses_for_enrichment(
          '11111111-1111-4111-8111-111111111111', 'facebook'
        )
      )
    );
    select public.update_campaign_statistics('11111111-1111-4111-8111-111111111111');
    commit;
"""
# No other table may get a row, the cost gates least of all.
ROWS = {
    **dict.fromkeys(metadata.tables, 0),
    "gmaps_campaigns": 1,
    "gmaps_campaign_coverage": 1,
    "gmaps_businesses": 1,
    "gmaps_business_emails": 1,
    "gmaps_facebook_enrichments": 1,
    "gmaps_api_costs": 2,
    # Locked by writers above READ COMMITTED.
    "gmaps_suppression_gate": 1,
}


@pytest.fixture
def attacker(
    empty_database: URL, make_role: Callable[..., str]
) -> Iterator[psycopg.Connection[Any]]:
    """The application role, with a schema of its own, in a session under its control."""
    role = make_role("attacker")
    upgrade(empty_database, settings=Settings(_env_file=None, app_role=role))
    with connect(empty_database) as connection:
        connection.execute(SQL("create schema evil authorization {}").format(Identifier(role)))
        # The attacker's copies are made in the shape of the originals by somebody who may look.
        for table in metadata.tables:
            connection.execute(
                SQL("create table evil.{0} (like public.{0} including all)").format(
                    Identifier(table)
                )
            )
            connection.execute(
                SQL("alter table evil.{} owner to {}").format(Identifier(table), Identifier(role))
            )
        helpers = connection.execute(
            "select proname, pg_get_function_arguments(oid), pg_get_function_result(oid)"
            " from pg_proc where pronamespace = 'public'::regnamespace and not prosecdef"
        ).fetchall()
    with as_role(empty_database, role) as connection:
        connection.execute("create table evil.witness (who text)")
        for name, arguments, result in helpers:
            connection.execute(
                f"create function evil.{name}({arguments}) returns {result} language plpgsql"
                " as $$ begin insert into evil.witness values (current_user);"
                " raise exception 'hijacked'; end $$".encode()
            )
        yield connection


def counted(connection: psycopg.Connection[Any], schema: str) -> dict[str, int]:
    return {
        table: connection.execute(
            SQL("select count(*) from {}").format(Identifier(schema, table))
        ).fetchall()[0][0]
        for table in metadata.tables
    }


def assert_only_the_tables_were_used(
    attacker: psycopg.Connection[Any], database: URL, *copies: str
) -> None:
    attacker.execute(CALLS.encode())
    with connect(database) as owner:
        assert counted(owner, "public") == ROWS
        assert owner.execute("select * from evil.witness").fetchall() == []
    for schema in copies:
        assert set(counted(attacker, schema).values()) == {0}


@pytest.mark.parametrize(
    "search_path", ["evil, public", "evil, pg_catalog, public", "pg_temp, evil, pg_catalog"]
)
def test_tables_functions_and_operators_of_a_schema_in_front(
    attacker: psycopg.Connection[Any], empty_database: URL, search_path: str
) -> None:
    for left, right, function in (
        ("uuid", "uuid", "uuid_eq"),
        ("text", "text", "texteq"),
        ("numeric", "numeric", "numeric_eq"),
        ("jsonb", "text", "jsonb_object_field_text"),
    ):
        result = "text" if left == "jsonb" else "boolean"
        operator = "->>" if left == "jsonb" else "="
        attacker.execute(
            f"create function evil.{function}({left}, {right}) returns {result} language plpgsql"
            " as $$ begin insert into evil.witness values (current_user);"
            " raise exception 'hijacked'; end $$;"
            f"create operator evil.{operator}"
            f" (leftarg = {left}, rightarg = {right}, function = evil.{function})".encode()
        )
    attacker.execute(f"set search_path to {search_path}".encode())
    assert_only_the_tables_were_used(attacker, empty_database, "evil")


def test_temporary_tables_with_the_tables_names(
    attacker: psycopg.Connection[Any], empty_database: URL
) -> None:
    for table in metadata.tables:
        attacker.execute(
            SQL("create temp table {0} (like evil.{0} including all)").format(Identifier(table))
        )
    attacker.execute("set search_path to pg_temp, evil, public")
    assert_only_the_tables_were_used(attacker, empty_database, "pg_temp", "evil")


def test_temporary_types_and_views_with_the_tables_names(
    attacker: psycopg.Connection[Any], empty_database: URL
) -> None:
    for table in metadata.tables:
        attacker.execute(
            SQL("create temp view {0} as select * from evil.{0}").format(Identifier(table))
        )
    attacker.execute("create domain pg_temp.jsonb as text check (false)")
    attacker.execute("set search_path to pg_temp, public")
    assert_only_the_tables_were_used(attacker, empty_database, "pg_temp", "evil")


def test_an_upgrade_warns_where_everybody_may_create_in_the_schema(
    empty_database: URL, caplog: pytest.LogCaptureFixture
) -> None:
    upgrade(empty_database, settings=Settings(_env_file=None))
    assert "everybody may create" not in caplog.text
    with connect(empty_database) as connection:
        connection.execute("grant create on schema public to public")
    upgrade(empty_database, settings=Settings(_env_file=None))
    assert "everybody may create objects in the schema public" in caplog.text
